/**
 * The functions that a package must register, exactly. The platform's worker reports success for an app whose entry
 * failed before it registered anything, so "it loaded" proves nothing: only the names do.
 */
export const EXPECTED_FUNCTIONS: readonly string[] = [
  'bootstrap',
  'cancelRotation',
  'consumers',
  'health',
  'inventory',
  'listRotations',
  'notify',
  'onVaultEvent',
  'onVaultEventQueue',
  'poisonEvents',
  'poisonNotices',
  'poisonPropagation',
  'poisonRotation',
  'propagate',
  'pushVersion',
  'readRotation',
  'rotate',
  'signingRequest',
  'startRotation',
  'supplyValue',
  'sweep',
  'takeSigned',
];
