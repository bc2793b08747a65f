import type { CommandNeed } from '../azure/access.ts';

/* What the declarations of the kinds of consumers share. */

/** The choices of KEYTURN_CONSUMERS that make the app do more; each as it is set. */
export const OPTIONS = {
  restart: '{"restart":"soft"} or "full"',
  rewritePinned: '{"rewritePinned":true}',
  pushFrontDoor: '{"frontDoor":"push"}',
  pushApiManagement: '{"apiManagement":"push"}',
  restartAks: '{"aks":"restart"}',
  sentinel: '{"sentinel":"<key>"}',
} as const;

export type Option = keyof typeof OPTIONS;

/** The consumer itself reads the vault: whose identity that is only its owner knows, and may give it the right. */
export function readsTheVault(who: string, role = 'Key Vault Secrets User'): CommandNeed {
  return {
    who,
    at: 'the vault',
    to: 'reads its own secret or certificate',
    right: role,
    command:
      `az role assignment create --assignee-object-id <object id of that identity> --assignee-principal-type ServicePrincipal \\\n` +
      `  --role "${role}" --scope <ARM id of the vault>`,
    language: 'sh',
  };
}
