/**
 * Installs the tarball beside the lowest version of each peer that package.json allows, in a folder of its own,
 * and runs an app, the testing kit and the compiler there. Needs the registry.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const { peerDependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

const EXPECTED = `http hello
websocket {"name":"ada","payload":"hello"} a message
sse {"name":"ada","payload":"hello"} a message
socketio {"name":"ada","payload":"hello"} a message
`

/** @type {[name: string, version: string][]} */
const oldest = Object.entries(peerDependencies).map(([name, range]) => {
  const [, version, below] = /^>=(\d+\.\d+\.\d+) <(\d+)$/.exec(range) ?? []
  if (!version || !below) throw new Error(`The range of ${name}, '${range}', is not '>=x.y.z <n'`)
  return [name, version]
})

const project = mkdtempSync(join(tmpdir(), 'rookery-peers-'))

/** @param {string} program @param {readonly string[]} args @param {string} [cwd] */
const run = (program, args, cwd = project) => {
  const { status, error, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? ''}${stdout}${stderr}`)
}

const test = () => {
  const [{ filename }] = Object.values(
    JSON.parse(run('npm', ['pack', '--json', '--pack-destination', project], ROOT)),
  )
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({
      name: 'oldest-peers',
      private: true,
      type: 'module',
      dependencies: { rookery: `file:${filename}`, ...Object.fromEntries(oldest) },
      devDependencies: {
        '@types/node': devDependencies['@types/node'],
        '@types/ws': devDependencies['@types/ws'],
      },
    }),
  )
  console.log(`Installing ${oldest.map((peer) => peer.join('@')).join(' ')}`)
  run('npm', ['install', '--strict-peer-deps', '--no-audit', '--no-fund'])
  for (const file of [
    'peers/app.mjs',
    'peers/kit.check.ts',
    'support/conformance-cluster.ts',
    'types/subpaths.ts',
  ]) {
    // `npm test` leaves out what is called `.check.ts`, vitest there does not.
    cpSync(join(ROOT, 'test', file), join(project, file.replace('.check.', '.test.')))
  }
  const output = run(process.execPath, ['peers/app.mjs'])
  if (output !== EXPECTED) throw new Error(`The app wrote:\n${output}instead of:\n${EXPECTED}`)
  console.log('The app works over every transport')
  run('npx', ['vitest', 'run', 'peers/kit.test.ts'])
  console.log('The testing kit works')
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--types', 'node']
  const modules = ['--module', 'nodenext', '--moduleResolution', 'nodenext']
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
  run(process.execPath, [compiler, ...options, ...modules, 'types/subpaths.ts'])
  console.log('The declarations compile')
}

try {
  test()
} finally {
  rmSync(project, { recursive: true, force: true })
}
