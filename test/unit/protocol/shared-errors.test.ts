import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { ROOT } from '../../support/docs.ts'

/** Creates errors when they are loaded, and import the table of messages themselves. */
const MODULES = ['core/sessions/inbound.ts', 'core/cluster/session-ids.ts']

it.each(MODULES)('%s has the messages of the table, whichever module is loaded first', async (path) => {
  const code = `
    await import('./${path}')
    const { RookeryError } = await import('./core/protocol/errors.ts')
    console.log(new RookeryError('rate_limited').message)`
  const args = ['--import', 'tsx', '--input-type=module', '--eval', code]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT })
  expect(stdout.trim()).toBe('Too many messages')
})
