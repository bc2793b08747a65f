import type { ArmKeyRow } from './row.ts';
import { STORAGE_ROW } from './rows/storage.ts';

/** Every service whose keys ARM lists and regenerates, in the order of the README's table. */
export const ARM_KEY_ROWS: readonly ArmKeyRow[] = [STORAGE_ROW];

/** By kind, the DNS suffix of the services that are asked directly, in the public cloud. */
export const SERVICE_SUFFIXES: Readonly<Record<string, string>> = Object.fromEntries(
  ARM_KEY_ROWS.flatMap(({ kind, proof }) =>
    proof === 'read back' || proof.suffix === undefined ? [] : [[kind, proof.suffix]],
  ),
);
