/**
 * Checks before the tests that the programs they need are installed. Installs missing ones with apt-get if it may,
 * otherwise prints the command to run.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Names of the programs, which are also the names of the Debian packages. */
const REQUIRED = ['chromium', 'nats-server']

const isInstalled = (program) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

const run = (command, ...args) => {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, stdout, stderr, error } = spawnSync(command, args, { env, encoding: 'utf8' })
  if (status === 0) return true
  console.error(`${[command, ...args].join(' ')} failed:\n${error?.message ?? `${stdout}${stderr}`}`)
  return false
}

const missing = REQUIRED.filter((program) => !isInstalled(program))
if (missing.length > 0) {
  const install = `apt-get update && apt-get install -y ${missing.join(' ')}`
  if (process.getuid?.() === 0 && isInstalled('apt-get')) {
    console.log(`The tests need ${missing.join(' and ')}. Installing: ${install}`)
    if (run('apt-get', 'update', '-qq')) run('apt-get', 'install', '-qq', '-y', ...missing)
  }
  const still = missing.filter((program) => !isInstalled(program))
  if (still.length > 0) {
    console.error(
      `The tests need ${still.join(' and ')} on the PATH. On Debian and Ubuntu:\n\n  sudo sh -c '${install}'\n`,
    )
    process.exit(1)
  }
}
