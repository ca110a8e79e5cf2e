import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { beforeAll, describe, expect, test } from 'vitest'

const LIMIT = 8_000

describe('the client in a browser', () => {
  let code: string
  let inputs: string[]

  beforeAll(async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: [fileURLToPath(new URL('../../client/index.ts', import.meta.url))],
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      metafile: true,
      write: false,
    })
    code = outputFiles[0]!.text
    inputs = Object.keys(metafile.inputs)
  })

  test(`takes at most ${LIMIT} bytes, minified and compressed`, () => {
    expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(LIMIT)
  })

  test('is made of client/ and the browser-safe files of core/ alone', () => {
    const foreign = inputs.filter(
      (path) => !/(^|\/)(client\/.*|core\/(errors|topic|matcher|protocol))\.ts$/.test(path),
    )
    expect(foreign).toEqual([])
  })

  test('uses nothing that only Node has', () => {
    expect(code).not.toMatch(/node:|\bBuffer\b|\bprocess\b|\brequire\b|\bsetImmediate\b/)
  })
})
