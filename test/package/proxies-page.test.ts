import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT, readPages } from '../support/docs.ts'

it.each(['nginx.conf', 'haproxy.cfg', 'Caddyfile'])(
  'the page about proxies has the %s that test/proxies runs',
  (file) => {
    const page = readPages().find(({ path }) => path === 'docs/proxies.md')
    const block = page?.blocks.find(({ name }) => name === file)
    expect(block?.code).toBe(readFileSync(join(ROOT, 'test/proxies', file), 'utf8'))
  },
)
