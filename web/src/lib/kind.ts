/** What kind of system a location names. */
export function kindOf(location: string): 'files' | 'sqlite' | 'postgres' {
  if (location.startsWith('sqlite:')) return 'sqlite';
  return /^postgres(ql)?:\/\//.test(location) ? 'postgres' : 'files';
}
