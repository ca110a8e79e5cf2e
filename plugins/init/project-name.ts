/** Longest name of a package that npm accepts, in characters. */
const MAX_NAME_LENGTH = 214

/** Names that npm keeps for itself. */
const RESERVED: readonly string[] = ['node_modules', 'favicon.ico']

/**
 * Explains why a name cannot be the name of a project. Returns undefined if it can.
 *
 * @param dependencies packages of the project: npm does not install a package into a project of the same name
 */
export const projectNameProblem = (name: string, dependencies: readonly string[]): string | undefined => {
  if (RESERVED.includes(name)) return 'npm reserves this name'
  if (dependencies.includes(name)) return 'the project needs a package of this name'
  if (name.length > MAX_NAME_LENGTH) return `a name has at most ${MAX_NAME_LENGTH} characters`
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(name)) {
    return "use lower-case letters, digits, '-', '_' and '.', and begin with a letter or a digit"
  }
  return undefined
}
