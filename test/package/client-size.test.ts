import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'

/** With WebSocket, server-sent events, all that chooses between them, and tokens. */
const LIMIT = 11 * 1024

/** Bundles an entry of the client for a page; packages stay outside. */
const bundle = async (entry: string) => {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL(`../../client/${entry}`, import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    packages: 'external',
    metafile: true,
    write: false,
  })
  const code = outputFiles[0]!.text
  const [output] = Object.values(metafile.outputs)
  return {
    code,
    size: gzipSync(code, { level: 9 }).length,
    inputs: Object.keys(metafile.inputs),
    packages: output!.imports.map(({ path }) => path),
  }
}

describe('the client in a browser', async () => {
  const { code, size, inputs, packages } = await bundle('index.ts')

  test(`takes at most ${LIMIT} bytes, minified and compressed`, () => {
    expect(size).toBeLessThanOrEqual(LIMIT)
  })

  test('is made of client/ and the browser-safe folders of core/ alone, and needs no package', () => {
    const foreign = inputs.filter((path) => !/(^|\/)(client|core\/topics|core\/protocol)\/.*\.ts$/.test(path))
    expect(foreign).toEqual([])
    expect(inputs.filter((path) => path.includes('socketio'))).toEqual([])
    expect(packages).toEqual([])
  })

  test('uses nothing that only Node has', () => {
    expect(code).not.toMatch(/node:|\bBuffer\b|\bprocess\b|\brequire\b|\bsetImmediate\b/)
  })
})

describe('its Socket.IO transport', async () => {
  const { size, packages } = await bundle('socketio/index.ts')

  test('is a bundle of its own, small beside the package that it wraps', () => {
    expect(packages).toEqual(['socket.io-client'])
    expect(size).toBeLessThanOrEqual(3_000)
  })
})
