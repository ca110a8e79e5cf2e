import { RookeryError } from '../protocol/errors.ts'
import type { Contract } from './contract.ts'
import { defineContract } from './define-contract.ts'

type Maps<List extends readonly Contract[], Key extends 'topics' | 'calls'> = List extends readonly [
  infer First,
  ...infer Rest extends readonly Contract[],
]
  ? (First extends { readonly [K in Key]: infer Map extends object } ? Map : unknown) & Maps<Rest, Key>
  : unknown

type UserOf<List extends readonly Contract[]> = Extract<List[number], { readonly user: object }>

type Flat<T> = { readonly [Key in keyof T]: T[Key] }

/** The contract that `mergeContracts` returns. */
export type Merged<List extends readonly Contract[]> = Flat<
  (unknown extends Maps<List, 'topics'> ? unknown : { readonly topics: Flat<Maps<List, 'topics'>> }) &
    (unknown extends Maps<List, 'calls'> ? unknown : { readonly calls: Flat<Maps<List, 'calls'>> }) &
    ([UserOf<List>] extends [never] ? unknown : Pick<UserOf<List>, 'user'>)
>

type Prefixed<Map, Prefix extends string> = {
  readonly [Key in keyof Map & string as `${Prefix}/${Key}`]: Map[Key]
}

/** The contract that `prefixContract` returns. */
export type WithPrefix<C extends Contract, Prefix extends string> = {
  readonly [Key in keyof C]: Key extends 'topics' | 'calls' ? Prefixed<C[Key], Prefix> : C[Key]
}

const assertContract = (value: unknown, where: string): void => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RookeryError(
      'invalid_option',
      `${where}: a contract must be an object with user, topics and calls`,
    )
  }
}

const merge = (maps: readonly (object | undefined)[], where: string): object | undefined => {
  const given = maps.filter((map) => map !== undefined)
  const merged: Record<string, unknown> = {}
  for (const map of given) {
    for (const [name, value] of Object.entries(map)) {
      if (Object.hasOwn(merged, name)) {
        throw new RookeryError('invalid_option', `mergeContracts(): two contracts have '${name}' in ${where}`)
      }
      merged[name] = value
    }
  }
  return given.length === 0 ? undefined : merged
}

/**
 * Merges contracts into one. At most one of them states the user, unless they state the same schema.
 *
 * @throws `invalid_option` if two of them have the same topic or call
 * @example export const contract = mergeContracts(chat, prefixContract('billing', billing))
 */
export const mergeContracts = <const List extends readonly Contract[]>(...contracts: List): Merged<List> => {
  for (const contract of contracts) assertContract(contract, 'mergeContracts()')
  const users = new Set(contracts.flatMap(({ user }) => (user ? [user] : [])))
  if (users.size > 1) {
    throw new RookeryError('invalid_option', 'mergeContracts(): only one contract may state the user')
  }
  const [user] = users
  const topics = merge(
    contracts.map((contract) => contract.topics),
    'topics',
  )
  const calls = merge(
    contracts.map((contract) => contract.calls),
    'calls',
  )
  const merged = { ...(user && { user }), ...(topics && { topics }), ...(calls && { calls }) }
  return defineContract(merged as Contract) as Merged<List>
}

/**
 * Puts a prefix before the topics and calls of a contract.
 *
 * @throws `invalid_option`, `invalid_pattern`
 * @example prefixContract('billing', contract) // 'invoices/:id' becomes 'billing/invoices/:id'
 */
export const prefixContract = <const Prefix extends string, const C extends Contract>(
  prefix: Prefix,
  contract: C,
): WithPrefix<C, Prefix> => {
  if (typeof prefix !== 'string' || prefix === '') {
    throw new RookeryError('invalid_option', 'prefixContract(): the prefix must be one or more segments')
  }
  assertContract(contract, 'prefixContract()')
  const rename = (map: object) =>
    Object.fromEntries(Object.entries(map).map(([name, value]) => [`${prefix}/${name}`, value]))
  const { topics, calls, ...rest } = contract
  const renamed = {
    ...rest,
    ...(topics && { topics: rename(topics) }),
    ...(calls && { calls: rename(calls) }),
  }
  return defineContract(renamed as Contract) as WithPrefix<C, Prefix>
}
