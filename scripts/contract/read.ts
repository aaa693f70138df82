import {
  createFileRegistry,
  type DescEnum,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type Registry,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, type SourceCodeInfo_Location } from '@bufbuild/protobuf/wkt';
import { makeWorkspace } from './workspace.ts';

/** The contract as its own .proto files state it, comments included (generated code keeps none at run time). */
export interface Contract {
  readonly registry: Registry;
  readonly files: readonly DescFile[];
  readonly services: readonly DescService[];
  readonly methods: readonly DescMethod[];
  readonly messages: readonly DescMessage[];
  readonly enums: readonly DescEnum[];
  /** The comment above a descriptor, as one line; empty when there is none. */
  commentOf(of: { toString(): string }): string;
  /** The same, each paragraph as one line; those that are indented as they are. */
  paragraphsOf(of: { toString(): string }): readonly string[];
}

export function readContract(): Contract {
  const workspace = makeWorkspace();
  try {
    const set = fromBinary(FileDescriptorSetSchema, workspace.buf('build', '--as-file-descriptor-set', '-o', '-'));
    const registry = createFileRegistry(set);
    const files = [...registry.files].filter((file) => file.proto.package === 'ticketing.v1');
    const comments = new Map(files.flatMap((file) => commentsOf(file)));
    const services = files.flatMap((file) => file.services);
    return {
      registry,
      files,
      services,
      methods: services.flatMap((service) => service.methods),
      messages: files.flatMap((file) => file.messages),
      enums: files.flatMap((file) => file.enums),
      commentOf: (of) => (comments.get(of.toString()) ?? []).join(' ').replaceAll(/\s+/g, ' '),
      paragraphsOf: (of) => comments.get(of.toString()) ?? [],
    };
  } finally {
    workspace.remove();
  }
}

function commentsOf(file: DescFile): [name: string, paragraphs: string[]][] {
  const at = new Map((file.proto.sourceCodeInfo?.location ?? []).map((location) => [location.path.join('.'), location]));
  const entry = (of: { toString(): string }, ...path: number[]): [string, string[]] => [of.toString(), paragraphsAt(at.get(path.join('.')))];
  // Numbers of the fields of FileDescriptorProto and its children: 4 messages, 5 enums, 6 services; 2 their members.
  return [
    ...file.messages.flatMap((message, i) => [entry(message, 4, i), ...message.fields.map((each, j) => entry(each, 4, i, 2, j))]),
    ...file.enums.flatMap((one, i) => [entry(one, 5, i), ...one.values.map((each, j) => entry(each, 5, i, 2, j))]),
    ...file.services.flatMap((service, i) => [entry(service, 6, i), ...service.methods.map((each, j) => entry(each, 6, i, 2, j))]),
  ];
}

/** Indented paragraphs (tables, diagrams) keep their lines, as code in Markdown does. */
function paragraphsAt(location: SourceCodeInfo_Location | undefined): string[] {
  const paragraphs = (location?.leadingComments ?? '').split(/\n[^\S\n]*\n/);
  return paragraphs
    .map((text) => (/^\n? {5}/.test(text) ? text.replaceAll(/^ /gm, '').trimEnd() : text.replaceAll(/\s+/g, ' ').trim()))
    .filter((text) => text !== '');
}
