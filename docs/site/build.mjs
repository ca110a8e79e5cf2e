// Builds the documentation site (`npm run docs`), or serves it while you write (`npm run docs:dev`).
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const site = fileURLToPath(new URL('.', import.meta.url))

const run = (command, ...args) => {
  const { status } = spawnSync(command, args, {
    cwd: site,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(status ?? 1)
}

const changed = (file) => statSync(site + file, { throwIfNoEntry: false })?.mtimeMs ?? 0

// npm writes this file at the end of an installation.
if (changed('node_modules/.package-lock.json') < changed('package-lock.json'))
  run('npm', 'ci', '--no-audit', '--no-fund')
run(process.execPath, 'api.mjs')
run(process.execPath, 'node_modules/vitepress/bin/vitepress.js', process.argv[2] === 'dev' ? 'dev' : 'build')
