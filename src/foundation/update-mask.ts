import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { DomainError } from './errors.ts';

/** The mask names a field that does not exist or cannot be changed. */
export class UpdateMaskInvalid extends DomainError {
  constructor(path: string, mutable: readonly string[]) {
    const description = `${path} cannot be changed; the fields are ${mutable.join(', ')}`;
    super('invalid_argument', 'UPDATE_MASK_INVALID', `update_mask: ${description}`, {
      violations: [{ field: 'update_mask', description }],
      facts: { field: 'update_mask', path },
    });
  }
}

/** Neither the mask nor the message says what to change. */
export class NothingToUpdate extends DomainError {
  constructor() {
    super('invalid_argument', 'NOTHING_TO_UPDATE', 'update_mask: absent, and no field that can be changed is set', {
      violations: [{ field: 'update_mask', description: 'is absent, and no field that can be changed is set' }],
    });
  }
}

/**
 * The fields that an update changes, out of the mutable ones, which are given as paths of single fields
 * (`name`, `policy.limit`). A path of the mask selects its field, or every mutable field inside it; `*`
 * selects all. Without a mask, or with an empty one, those are meant that are set in the message. Throws
 * `UpdateMaskInvalid` for any other path, `NothingToUpdate` when nothing is selected.
 */
export function selectedFields<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  mask: FieldMask | undefined,
  mutable: readonly string[],
): ReadonlySet<string> {
  const paths = mask?.paths ?? [];
  const selected = paths.length === 0 ? mutable.filter((path) => isSet(schema, message, path)) : paths.flatMap((path) => expand(path, mutable));
  if (selected.length === 0) throw new NothingToUpdate();
  return new Set(selected);
}

function expand(path: string, mutable: readonly string[]): readonly string[] {
  if (path === '*') return mutable;
  const fields = mutable.filter((field) => field === path || field.startsWith(`${path}.`));
  if (fields.length === 0) throw new UpdateMaskInvalid(path, mutable);
  return fields;
}

function isSet<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>, path: string): boolean {
  const [name, ...rest] = path.split('.');
  const field = schema.fields.find((candidate) => candidate.name === name);
  if (!field) throw new Error(`${schema.typeName} has no field ${path}`);
  const view = reflect(schema, message);
  if (!view.isSet(field)) return false;
  if (rest.length === 0) return true;
  if (field.fieldKind !== 'message') throw new Error(`${schema.typeName} has no field ${path}`);
  return isSet(field.message, view.get(field).message, rest.join('.'));
}
