import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { publicError } from '../../../core/protocol/coded-error.ts'
import { clientMessages, serverMessages } from '../../../core/protocol/error-codes.ts'
import { errorTable } from '../../../core/protocol/error-table.ts'
import { type ErrorCode, errorEntry, RookeryError } from '../../../core/protocol/errors.ts'

const root = new URL('../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

const filesIn = (folder: string) =>
  readdirSync(new URL(folder, root), { recursive: true })
    .map((file) => `${folder}/${file}`)
    .filter((file) => file.endsWith('.ts'))

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

  it('has a message in the client for every code that the client throws without one', () => {
    const sources = ['client', 'core/topics', 'core/protocol/stringify.ts', 'core/protocol/protocol.ts']
      .flatMap((path) => (path.endsWith('.ts') ? path : filesIn(path)))
      .map(read)
      .join('\n')
    const thrown = [...sources.matchAll(/new RookeryError\(\s*'(\w+)'(?:\)|, undefined)/g)].map(
      ([, code]) => code,
    )
    expect(thrown.length).toBeGreaterThan(10)
    expect(thrown.filter((code) => !Object.hasOwn(clientMessages, code!))).toEqual([])
  })

  it('has one message for a code', () => {
    expect(Object.keys(serverMessages).filter((code) => Object.hasOwn(clientMessages, code))).toEqual([])
  })

  it('has a row for every code that is thrown, and none for an unused code', () => {
    const sources = ['core', 'client', 'plugins']
      .flatMap(filesIn)
      .filter((file) => !file.startsWith('core/protocol/error-'))
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

class Named extends Error {
  override name = 'RookeryError'
  constructor(fields: object) {
    super('of another class')
    Object.assign(this, fields)
  }
}

const throwing = () => {
  throw new Error('a getter that throws')
}

describe('the error that a client may see', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a string', 'sold_out'],
    ['an object', { name: 'RookeryError', code: 'sold_out', message: 'No tickets left' }],
    ['an error', new Error('private')],
    ['an error of another class with this name and no code', new Named({})],
    ['one whose code is a number', new Named({ code: 7 })],
    ['one whose getters throw', Object.defineProperty(new Named({}), 'code', { get: throwing })],
    ['a proxy that throws', new Proxy(new Named({ code: 'sold_out' }), { get: throwing })],
    ['issues of which one is null', new Named({ code: 'sold_out', issues: [null] })],
    ['an internal error', new RookeryError('internal')],
  ])('is none for %s', (_what, thrown) => {
    expect(publicError(thrown)).toBeUndefined()
  })

  it.each([
    ['a RookeryError', new RookeryError('sold_out', 'No tickets left'), { message: 'No tickets left' }],
    ['another copy of its class', new Named({ code: 'sold_out' }), { message: 'of another class' }],
    [
      'a message that is no text',
      new Named({ code: 'sold_out', message: 7 }),
      { message: 'The request was refused' },
    ],
    [
      'a toJSON that throws',
      Object.assign(new RookeryError('sold_out', 'none'), { toJSON: throwing }),
      { message: 'none' },
    ],
    [
      'issues that are no list',
      Object.assign(new RookeryError('sold_out', 'none'), { issues: 'x' }),
      { message: 'none' },
    ],
  ])('has the fields of %s that are valid', (_what, thrown, fields) => {
    expect(publicError(thrown)?.toJSON()).toEqual({ code: 'sold_out', ...fields })
  })
})
