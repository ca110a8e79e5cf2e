import { useEffect, useSyncExternalStore } from 'react'
import type { Untyped } from '../../core/protocol/protocol.ts'
import { CallStore } from '../store/call-store.ts'
import { RoomStore } from '../store/room-store.ts'
import { createSelector, type Selection } from '../store/selector.ts'
import { type TopicSnapshot, type TopicSource, TopicStore } from '../store/topic-store.ts'
import type { Side } from '../typed.ts'
import type { Client } from '../types.ts'
import { RookeryProvider, useProvided } from './provider.ts'
import type { Hooks, UseCallOptions, UseRoomOptions } from './types.ts'
import { useSnapshot, useStable } from './use-store.ts'

const useClient = (): Client => useProvided().host.client

const useConnection = () => useSnapshot(useProvided().connection)

interface TopicOptions extends TopicSource, Selection {
  readonly initial?: unknown
  readonly key?: string | undefined
}

const useTopic = (pattern: string | null, options: TopicOptions = {}): TopicSnapshot => {
  const { initial, key } = options
  const { host } = useProvided()
  const store = useStable(() => new TopicStore(host, pattern, initial, options, key), host, pattern, key)
  const select = useStable(createSelector)
  // Not while rendering: React may discard what it renders. This effect runs before the one that subscribes.
  useEffect(() => store.configure(options))
  return useSyncExternalStore(
    store.subscribe,
    () => select(store.get(), options),
    () => select(store.initial, options),
  )
}

const useCall = (topic: string, { abortOnUnmount }: UseCallOptions = {}) => {
  const client = useClient()
  const store = useStable(() => new CallStore(client, topic), client, topic)
  useEffect(() => (abortOnUnmount ? store.abort : undefined), [store, abortOnUnmount])
  return useSnapshot(store)
}

const useRoom = (name: string, { members = false }: UseRoomOptions = {}) => {
  const { host } = useProvided()
  return useSnapshot(useStable(() => new RoomStore(host, name, members), host, name, members))
}

const hooks: unknown = { RookeryProvider, useClient, useTopic, useCall, useRoom, useConnection }

/**
 * Returns the provider and the hooks with the types of a contract. They are the same functions for all contracts.
 *
 * @example export const { RookeryProvider, useTopic, useCall } = createHooks<typeof contract>()
 */
export const createHooks = <Contract = Untyped, As extends Side = 'input'>(): Hooks<Contract, As> =>
  hooks as Hooks<Contract, As>
