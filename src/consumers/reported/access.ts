import type { Access } from '../../azure/access.ts';
import type { Row } from './row.ts';
import { ROWS } from './rows.ts';

export const ROLE = 'Reader';

export function actionOf({ type, parts }: Row): string {
  return parts?.action ?? `${type}/read`;
}

export const ACCESS: readonly Access[] = ROWS.map((row) => ({
  of: row.kind,
  needs: [{ at: 'the resource', to: `finds and reads it (${actionOf(row)}); nothing is written`, role: ROLE }],
}));
