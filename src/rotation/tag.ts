/* Tags of a version, whose names may be written in any case. */

type Tags = Readonly<Record<string, string>>;

/** How the tag is spelled here, or undefined where it is absent. */
export function tagName(tags: Tags, name: string): string | undefined {
  return Object.keys(tags).find((key) => key.toLowerCase() === name.toLowerCase());
}

/** What the tag says, as it is written, or undefined where it is absent. */
export function tagOf(tags: Tags, name: string): string | undefined {
  const spelled = tagName(tags, name);
  return spelled === undefined ? undefined : tags[spelled];
}
