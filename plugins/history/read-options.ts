import type { ReadOptions } from '../../core/history/history.ts'
import { type Issue, RookeryError } from '../../core/protocol/errors.ts'
import type { GapReason } from '../../core/protocol/protocol.ts'
import { checkOptions, option } from '../../core/util/options.ts'

/** Most messages of a page. */
const MAX_PAGE = 1000

const COUNT = option.integer(1, MAX_PAGE)

const hasOne = ({ last, since, before }: ReadOptions): boolean =>
  [last, since, before].filter((one) => one !== undefined).length === 1

/** @throws `invalid_option` */
export const checkReadOptions = (options: ReadOptions): void => {
  checkOptions('history.read()', options, {
    last: COUNT,
    since: option.string,
    before: option.string,
    limit: COUNT,
  })
  if (!hasOne(options)) {
    throw new RookeryError('invalid_option', "history.read() needs one of 'last', 'since' and 'before'")
  }
}

/** What a client asks for. */
export interface ReadRequest extends ReadOptions {
  readonly pattern: string
}

/** Checks the request of a client. @throws `invalid_payload` */
export const readRequest = (payload: unknown): ReadRequest => {
  const request = (typeof payload === 'object' && payload !== null ? payload : {}) as ReadRequest
  const { pattern, last, since, before, limit } = request
  const issues: Issue[] = []
  const expect = (wrong: string | undefined, field: string) => {
    if (wrong) issues.push({ message: `must be ${wrong}`, path: [field] })
  }
  const optional = (value: unknown, check: (value: unknown) => string | undefined, field: string) =>
    expect(value === undefined ? undefined : check(value), field)
  expect(option.string(pattern), 'pattern')
  optional(last, COUNT, 'last')
  optional(since, option.string, 'since')
  optional(before, option.string, 'before')
  optional(limit, COUNT, 'limit')
  if (issues.length === 0 && !hasOne(request)) {
    issues.push({ message: "there must be one of 'last', 'since' and 'before'", path: [] })
  }
  if (issues.length > 0) throw new RookeryError('invalid_payload', undefined, { issues })
  return request
}

/** The error for a cursor after or before which the history cannot read. */
export const invalidCursor = (reason: GapReason): RookeryError =>
  reason === 'unavailable'
    ? new RookeryError('history_unavailable')
    : new RookeryError('invalid_cursor', undefined, { data: { reason } })
