import { groupKeyOf } from './names.ts';

/** What a file can call a group by. */
export interface NamedGroup {
  readonly groupId: string;
  readonly key: string;
  readonly name: string;
}

/** Groups by whatever a file calls them: id, key, name, or a name that the key is made of. */
export class GroupBook<Group extends NamedGroup> {
  readonly #groups = new Map<string, Group>();
  /** Undefined where two groups have the name. */
  readonly #groupsByName = new Map<string, Group | undefined>();

  /** Adds a group; by its id only if it has one for good, by its name only if it is in use. */
  add(group: Group, { real, named }: { readonly real: boolean; readonly named: boolean }): void {
    if (real) this.#groups.set(group.groupId, group);
    this.#groups.set(group.key.toLowerCase(), group);
    const name = group.name.toLowerCase();
    if (named) this.#groupsByName.set(name, this.#groupsByName.has(name) ? undefined : group);
  }

  /** The group that a file calls by this value. */
  find(value: string): Group | undefined {
    return this.#groups.get(value.toLowerCase()) ?? this.#groupsByName.get(value.toLowerCase()) ?? this.#groups.get(groupKeyOf(value).toLowerCase());
  }

  /** All of them. */
  all(): Group[] {
    return [...new Set(this.#groups.values())];
  }
}
