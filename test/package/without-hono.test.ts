import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

/** Hooks for Node's loader that make Hono's packages look as if they were not installed. */
const HOOKS = `export const resolve = (specifier, context, next) => {
  if (/^(@hono\\/|hono)/.test(specifier)) throw Object.assign(new Error('not installed'), { code: 'ERR_MODULE_NOT_FOUND' })
  return next(specifier, context)
}`
const moduleUrl = (source: string): string =>
  `data:text/javascript;base64,${Buffer.from(source).toString('base64')}`

const REGISTER = `import { register } from 'node:module'
register('${moduleUrl(HOOKS)}')`

/** Runs a module of the built package in a process without Hono. */
const run = (source: string) => {
  const args = ['--import', moduleUrl(REGISTER), '--input-type=module']
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, input: source, encoding: 'utf8' })
  return { stdout, stderr }
}

const IMPORTS = `import { createServer } from 'node:http'
import { createApp } from 'rookery'
import { http } from 'rookery/http'
import { sse } from 'rookery/sse'
import { websocket } from 'rookery/websocket'
`

describe('without Hono', () => {
  it('an app works on a server of the user', () => {
    const { stdout, stderr } = run(`${IMPORTS}
      const server = createServer((request, response) => response.end('mine'))
      const app = createApp({ plugins: [http({ server }), websocket(), sse()], logger: 'silent' })
      await app.start()
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
      const url = 'http://127.0.0.1:' + server.address().port
      console.log((await fetch(url + '/api/v1/sse', { method: 'HEAD' })).status, await (await fetch(url)).text())
      await app.stop()
      server.closeAllConnections()
      server.close()`)
    expect(stdout + stderr).toBe('200 mine\n')
  })

  it('an app with its own server does not start, and the error names the packages to install', () => {
    const { stdout } = run(`${IMPORTS}
      await createApp({ plugins: [http({ port: 0 })], logger: 'silent' }).start().catch((error) => console.log(error.code, error.message))`)
    expect(stdout).toMatch(/^plugin_failed .*npm install hono @hono\/node-server/)
  })
})
