import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Bundles a module for a browser, without packages. */
const bundle = async (contents: string) => {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: ROOT, loader: 'ts' },
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
    inputs: Object.keys(metafile.inputs).filter((path) => path !== '<stdin>'),
    packages: output!.imports.map(({ path }) => path),
  }
}

/** What a page imports, and its most bytes, minified and compressed. */
const SHAPES = [
  {
    imports: 'createClient of rookery/client',
    entry: `import { createClient } from './client/index.ts'; createClient()`,
    maxBytes: 18_480,
    without: /socketio/,
  },
  {
    imports: 'createClient of rookery/client/websocket',
    entry: `import { createClient } from './client/websocket/index.ts'; createClient()`,
    maxBytes: 15_280,
    without: /socketio|sse|event-stream|transport-(selector|memory|upgrade)|deduplicator/,
  },
  {
    imports: 'createClient of rookery/client, and the type of a contract',
    entry: `
      import { createClient } from './client/index.ts'
      import type { contract } from './test/types/contract-sample.ts'
      createClient<typeof contract>()`,
    maxBytes: 18_480,
    without: /socketio|plugins|(define-contract|contract-index|compose)\.ts/,
  },
  {
    imports: 'createClient of rookery/client, and a contract that validates',
    entry: `
      import { createClient } from './client/index.ts'
      import { defineContract } from './plugins/contract/index.ts'
      createClient({ contract: defineContract({}) })`,
    maxBytes: 21_020,
    without: /socketio|contract-rules/,
  },
  {
    imports: 'everything of rookery/client',
    entry: `export * from './client/index.ts'`,
    maxBytes: 18_860,
    without: /socketio/,
  },
]

describe.each(SHAPES)('a page that imports $imports', async ({ entry, maxBytes, without }) => {
  const { code, size, inputs, packages } = await bundle(entry)

  test(`gets at most ${maxBytes} bytes, minified and compressed`, () => {
    expect(size).toBeLessThanOrEqual(maxBytes)
  })

  test('gets only client/ and the browser-safe folders of core/, without packages', () => {
    const foreign = inputs.filter(
      (path) => !/^(client|plugins\/contract|core\/(topics|protocol|contract))\/.*\.ts$/.test(path),
    )
    expect(foreign).toEqual([])
    // The messages of the server are in that file, and the ones of `error-codes.ts` must not come along.
    expect(inputs).not.toContain('core/protocol/error-table.ts')
    expect(code).not.toMatch(/No resource has this path|Dependencies form a cycle/)
    expect(inputs.filter((path) => without.test(path))).toEqual([])
    expect(packages).toEqual([])
  })

  test('gets no API that exists only in Node', () => {
    expect(code).not.toMatch(/node:|\bBuffer\b|\bprocess\b|\brequire\b|\bsetImmediate\b/)
  })
})

describe('the Socket.IO transport of the client', async () => {
  const { size, packages } = await bundle(`export * from './client/socketio/index.ts'`)

  test('is a separate bundle of at most 2,850 bytes, without the package socket.io-client', () => {
    expect(packages).toEqual(['socket.io-client'])
    expect(size).toBeLessThanOrEqual(2_850)
  })
})

describe('the hooks for React', async () => {
  const createClient = `import { createClient } from './client/index.ts'; createClient()`
  const alone = await bundle(createClient)
  const { size, packages, inputs } = await bundle(`${createClient}; export * from './client/react/index.ts'`)

  test('add less than 2 kB to a page that has the client, without the package react', () => {
    expect(new Set(packages)).toEqual(new Set(['react']))
    expect(size - alone.size).toBeLessThan(2_000)
  })

  test('need nothing of the client but its stores and functions that it has anyway', () => {
    const added = inputs.filter((path) => !alone.inputs.includes(path))
    expect(added.filter((path) => !/^client\/(react|store)\//.test(path))).toEqual([])
  })
})

describe('an app that imports only RookeryError of rookery', () => {
  test('gets the messages of the server, although bundlers leave out unused code', async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: `import { RookeryError } from './dist/core/index.js'; export const error = new RookeryError('not_found')`,
        resolveDir: ROOT,
      },
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'node',
      write: false,
    })
    const { error } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0]!.text)}`)
    expect(error.message).toBe('No resource has this path')
  })
})
