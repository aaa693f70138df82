import { type DescExtension, type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code } from '../../../gen/google/rpc/code_pb.ts';
import { ServerReflection } from '../../../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from '../../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { type Route, route } from './endpoints.ts';

/** What both versions of the reflection service are asked; the generated types differ in their names only. */
interface Question {
  readonly messageRequest:
    | { readonly case: 'fileByFilename' | 'fileContainingSymbol' | 'allExtensionNumbersOfType' | 'listServices'; readonly value: string }
    | { readonly case: 'fileContainingExtension'; readonly value: { readonly containingType: string; readonly extensionNumber: number } }
    | { readonly case: undefined; readonly value?: undefined };
}

/** gRPC reflection, v1 and v1alpha, over the given services and themselves. For callers with any valid token. */
export function reflectionRoutes(services: readonly DescService[]): Route[] {
  const all = [...services, ServerReflection, ServerReflectionAlpha];
  const catalogue = new Catalogue(all);
  async function* answer<Asked extends Question>(questions: AsyncIterable<Asked>) {
    for await (const question of questions) yield { originalRequest: question, ...respond(catalogue, question) };
  }
  return [
    route(ServerReflection, { serverReflectionInfo: (questions) => answer(questions) }, 'token'),
    route(ServerReflectionAlpha, { serverReflectionInfo: (questions) => answer(questions) }, 'token'),
  ];
}

function respond(catalogue: Catalogue, { messageRequest: asked }: Question) {
  switch (asked.case) {
    case 'fileByFilename':
      return files(catalogue.fileNamed(asked.value), asked.value);
    case 'fileContainingSymbol':
      return files(catalogue.fileOf(asked.value), asked.value);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = asked.value;
      const extension = catalogue.extensionsOf(containingType).find(({ number }) => number === extensionNumber);
      return files(extension?.file, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType': {
      if (!catalogue.fileOf(asked.value)) return missing(asked.value);
      const extensionNumber = catalogue.extensionsOf(asked.value).map(({ number }) => number);
      return { messageResponse: { case: 'allExtensionNumbersResponse' as const, value: { baseTypeName: asked.value, extensionNumber } } };
    }
    case 'listServices':
      return { messageResponse: { case: 'listServicesResponse' as const, value: { service: catalogue.services.map((name) => ({ name })) } } };
    default:
      return failed(Code.INVALID_ARGUMENT, 'the request asks nothing that is known here');
  }
}

/** A file and everything that it imports, so that one answer is enough. */
function files(file: DescFile | undefined, asked: string) {
  if (!file) return missing(asked);
  const fileDescriptorProto = withImports([file]).map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { messageResponse: { case: 'fileDescriptorResponse' as const, value: { fileDescriptorProto } } };
}

function missing(asked: string) {
  return failed(Code.NOT_FOUND, `not found: ${asked.slice(0, 200)}`);
}

function failed(errorCode: number, errorMessage: string) {
  return { messageResponse: { case: 'errorResponse' as const, value: { errorCode, errorMessage } } };
}

/** The given files and all that they import, each once, the given ones first. */
function withImports(given: readonly DescFile[]): DescFile[] {
  const found = new Map<string, DescFile>();
  const visit = (file: DescFile) => {
    if (found.has(file.proto.name)) return;
    found.set(file.proto.name, file);
    file.dependencies.forEach(visit);
  };
  given.forEach(visit);
  return [...found.values()];
}

/** What can be asked for, by name. */
class Catalogue {
  /** Full names of the services, in order. */
  readonly services: readonly string[];
  readonly #files: ReadonlyMap<string, DescFile>;
  readonly #symbols = new Map<string, DescFile>();
  readonly #extensions = new Map<string, DescExtension[]>();

  constructor(services: readonly DescService[]) {
    this.services = services.map(({ typeName }) => typeName).sort();
    this.#files = new Map(withImports(services.map(({ file }) => file)).map((file) => [file.proto.name, file]));
    for (const file of this.#files.values()) this.#enter(file);
  }

  fileNamed(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  fileOf(symbol: string): DescFile | undefined {
    return this.#symbols.get(symbol);
  }

  extensionsOf(typeName: string): readonly DescExtension[] {
    return this.#extensions.get(typeName) ?? [];
  }

  #enter(file: DescFile): void {
    for (const service of file.services) {
      this.#symbols.set(service.typeName, file);
      for (const method of service.methods) this.#symbols.set(`${service.typeName}.${method.name}`, file);
    }
    const open = [...file.messages];
    for (let message = open.pop(); message; message = open.pop()) {
      this.#symbols.set(message.typeName, file);
      for (const field of message.fields) this.#symbols.set(`${message.typeName}.${field.name}`, file);
      for (const oneof of message.oneofs) this.#symbols.set(`${message.typeName}.${oneof.name}`, file);
      for (const nested of message.nestedEnums) this.#enterEnum(file, nested);
      for (const nested of message.nestedExtensions) this.#enterExtension(file, nested);
      open.push(...message.nestedMessages);
    }
    for (const found of file.enums) this.#enterEnum(file, found);
    for (const found of file.extensions) this.#enterExtension(file, found);
  }

  #enterEnum(file: DescFile, found: DescFile['enums'][number]): void {
    this.#symbols.set(found.typeName, file);
    // Values are named beside their enum, not inside it.
    const scope = found.typeName.slice(0, found.typeName.lastIndexOf('.') + 1);
    for (const value of found.values) this.#symbols.set(`${scope}${value.name}`, file);
  }

  #enterExtension(file: DescFile, found: DescExtension): void {
    this.#symbols.set(found.typeName, file);
    const known = this.#extensions.get(found.extendee.typeName) ?? [];
    this.#extensions.set(
      found.extendee.typeName,
      [...known, found].sort((one, other) => one.number - other.number),
    );
  }
}
