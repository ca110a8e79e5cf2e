import type { ClientTransport } from '../transports/transport.ts'
import { TransportSelector } from './transport-selector.ts'
import { TransportUpgrade, type TransportUpgradeHost } from './transport-upgrade.ts'

/** Selects the transport of each attempt. */
export interface Selector {
  /** The transport of the current connection, or of the next attempt. */
  readonly transport: ClientTransport
  /** How long the next attempt may take, in milliseconds. */
  limit(connectTimeout: number): number
  /** Records that the server sent `welcome` over a transport. */
  welcomed(transport: ClientTransport): void
  /**
   * Records that the attempt failed before `welcome`.
   *
   * @returns true to try another transport at once; false when a new round begins, which may wait
   */
  failed(): boolean
  /**
   * Records that a connection ended after `welcome`.
   *
   * @param shortLived whether the connection ended too soon to be of use
   * @returns as `failed`
   */
  lost(shortLived: boolean): boolean
}

/** Uses other transports when one does not work, and returns to the best one. */
export interface Fallback {
  readonly selector: Selector
  readonly upgrade: TransportUpgrade
}

/** Creates the fallback of a client. A client with one transport has none, and its bundle does not contain this file. */
export const createFallback = (
  transports: readonly ClientTransport[],
  origin: string,
  host: Omit<TransportUpgradeHost, 'selector'>,
): Fallback => {
  const selector = new TransportSelector(transports, origin)
  return { selector, upgrade: new TransportUpgrade({ ...host, selector }) }
}

export type CreateFallback = typeof createFallback
