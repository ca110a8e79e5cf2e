import { createContext, createElement, type ReactElement, type ReactNode, useContext, useEffect } from 'react'
import { RookeryError } from '../../core/protocol/errors.ts'
import { ConnectionStore } from '../store/connection-store.ts'
import type { StoreHost } from '../store/handle-store.ts'
import type { Client } from '../types.ts'
import { readMilliseconds } from '../util/option-values.ts'
import { useStable } from './use-store.ts'

export interface ProviderProps<Client> {
  readonly client: Client
  /**
   * Milliseconds for which a subscription or a room stays after the last component that uses it is gone.
   *
   * @default 5_000
   */
  readonly linger?: number | undefined
  readonly children?: ReactNode
}

interface Provided {
  readonly host: StoreHost
  readonly connection: ConnectionStore
}

const Context = createContext<Provided | undefined>(undefined)

/** @throws `invalid_option` without a provider above the component */
export const useProvided = (): Provided => {
  const provided = useContext(Context)
  if (!provided) throw new RookeryError('invalid_option', 'A component has no <RookeryProvider>')
  return provided
}

export const RookeryProvider = ({
  client,
  linger = 5_000,
  children,
}: ProviderProps<Client>): ReactElement => {
  const value = useStable(
    () => {
      const host = { client, linger: readMilliseconds('linger', linger, 0), shared: new Map() }
      return { host, connection: new ConnectionStore() }
    },
    client,
    linger,
  )
  // Not while `useConnection` is mounted: it tells the last error, also if the component is mounted later.
  useEffect(() => value.connection.follow(client), [value, client])
  return createElement(Context.Provider, { value }, children)
}
