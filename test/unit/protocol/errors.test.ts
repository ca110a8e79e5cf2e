import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type ErrorCode, errorEntry, errorTable, RookeryError } from '../../../core/protocol/errors.ts'

const root = new URL('../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

const codes = Object.keys(errorTable) as ErrorCode[]

/** The rows of the tables in docs/errors.md, cell by cell. */
const documented = read('docs/errors.md')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )

describe('docs/errors.md', () => {
  it('lists every code of the table once, in the same order, and no other', () => {
    expect(documented.map(([code]) => code)).toEqual(codes.map((code) => `\`${code}\``))
  })

  it.each(codes)('has the values of the table for %s, and advice', (code) => {
    const { message, status, close, retryable } = errorTable[code]
    const row = documented.find(([first]) => first === `\`${code}\``)
    expect(row?.slice(1, 5)).toEqual([message, String(status), String(close), retryable ? 'yes' : 'no'])
    expect(row?.[5]).toMatch(/^[A-Z`].+\.$/)
  })
})

describe('the error table', () => {
  it.each(codes)('has a valid row for %s', (code) => {
    const { message, status, close } = errorTable[code]
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
    expect(message).toMatch(/^[A-Z].*[^.]$/)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(600)
    // A peer may only send these: RFC 6455, section 7.4.
    const standard = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011]
    expect(standard.includes(close) || close === 4000 + status).toBe(true)
  })

  it('has a default row for codes of an application, even if they are names of object properties', () => {
    for (const code of ['sold_out', 'constructor', '__proto__', 'toString', '']) {
      expect(errorEntry(code)).toEqual({
        message: 'The request was refused',
        status: 400,
        close: 4400,
        retryable: false,
      })
    }
  })

  it('has a row for every code that is thrown, and none for an unused code', () => {
    const sources = ['core', 'client', 'plugins']
      .flatMap((folder) =>
        readdirSync(new URL(folder, root), { recursive: true }).map((file) => `${folder}/${file}`),
      )
      .filter((file) => file.endsWith('.ts') && file !== 'core/protocol/errors.ts')
      .map(read)
      .join('\n')
    expect(codes.filter((code) => !sources.includes(`'${code}'`))).toEqual([])
    const thrown = [...sources.matchAll(/^(?! *\*).*new RookeryError\(\s*'(\w+)'/gm)].map(([, code]) => code)
    expect(thrown.length).toBeGreaterThan(50)
    expect(thrown.filter((code) => !codes.includes(code as ErrorCode))).toEqual([])
  })
})

describe('a RookeryError', () => {
  it('has the message, status, close code and retryability of its code', () => {
    const error = new RookeryError('rate_limited')
    expect(error).toBeInstanceOf(Error)
    expect({ ...error, name: error.name, message: error.message }).toMatchObject({
      name: 'RookeryError',
      code: 'rate_limited',
      message: 'Too many messages',
    })
    expect([error.status, error.closeCode, error.retryable]).toEqual([429, 4429, true])
  })

  it('may have its own message, a cause, issues and an id', () => {
    const cause = new Error('why')
    const issues = [{ message: 'no', path: ['a', 0] }]
    const error = new RookeryError('sold_out', 'No tickets left', { cause, issues, id: 'x' })
    expect(error).toMatchObject({ code: 'sold_out', message: 'No tickets left', cause, issues, id: 'x' })
    expect('cause' in new RookeryError('sold_out')).toBe(false)
  })

  it('is sent with code, message, issues and id, and without cause and stack', () => {
    const bare = new RookeryError('forbidden', undefined, { cause: new Error('secret') })
    expect(JSON.parse(JSON.stringify(bare))).toEqual({ code: 'forbidden', message: 'This is not allowed' })
    const wire = { code: 'invalid_payload', message: 'no', issues: [{ message: 'no', path: ['a'] }], id: 'x' }
    const error = RookeryError.from(JSON.parse(JSON.stringify(wire)))
    expect(error).toBeInstanceOf(RookeryError)
    expect(JSON.parse(JSON.stringify(error))).toEqual(wire)
  })
})
