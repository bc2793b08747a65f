/** Does a name, or a wildcard for one label, stand for the host? */
export function covers(pattern: string, host: string): boolean {
  const [wanted, given] = [pattern.toLowerCase(), host.toLowerCase()];
  return wanted === given || (wanted.startsWith('*.') && given.slice(given.indexOf('.')) === wanted.slice(1));
}
