'use client'

import { createHooks } from './hooks.ts'

export type { LoadContext } from '../store/topic-store.ts'
export { createHooks } from './hooks.ts'
export type { ProviderProps } from './provider.ts'
export type {
  CallResult,
  ConnectionResult,
  Hooks,
  InitialOptions,
  LastOptions,
  LoadOptions,
  RoomResult,
  TopicResult,
  UseCallOptions,
  UseRoomOptions,
} from './types.ts'

const { RookeryProvider, useClient, useTopic, useCall, useRoom, useConnection } = createHooks()

export { RookeryProvider, useCall, useClient, useConnection, useRoom, useTopic }
