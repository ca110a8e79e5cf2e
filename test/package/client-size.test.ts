import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'

/** Most bytes of the client with WebSocket, server-sent events, fallback and tokens, minified and compressed. */
const MAX_BYTES = 13_000

/** Bundles an entry of the client for a browser, without packages. */
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

  test(`has at most ${MAX_BYTES} bytes, minified and compressed`, () => {
    expect(size).toBeLessThanOrEqual(MAX_BYTES)
  })

  test('consists only of client/ and the browser-safe folders of core/, without packages', () => {
    const foreign = inputs.filter((path) => !/(^|\/)(client|core\/topics|core\/protocol)\/.*\.ts$/.test(path))
    expect(foreign).toEqual([])
    expect(inputs.filter((path) => path.includes('socketio'))).toEqual([])
    expect(packages).toEqual([])
  })

  test('uses no API that exists only in Node', () => {
    expect(code).not.toMatch(/node:|\bBuffer\b|\bprocess\b|\brequire\b|\bsetImmediate\b/)
  })
})

describe('the Socket.IO transport of the client', async () => {
  const { size, packages } = await bundle('socketio/index.ts')

  test('is a separate bundle of at most 3,050 bytes, without the package socket.io-client', () => {
    expect(packages).toEqual(['socket.io-client'])
    expect(size).toBeLessThanOrEqual(3_050)
  })
})
