import type { RookeryError } from '../../core/protocol/errors.ts'
import type { User } from '../../core/protocol/protocol.ts'
import type { Client, ClientEvents, ClientState } from '../types.ts'
import { Store } from './store.ts'

export interface ConnectionSnapshot {
  readonly state: ClientState
  readonly user: User | null
  readonly transport: string | null
  /** Why the client waits, is closed, or tries another transport. */
  readonly error?: RookeryError | undefined
  /** Milliseconds from the change of the state until the next attempt. */
  readonly retryIn?: number | undefined
}

/** The connection of the client. It is up to date while it is connected to the client. */
export class ConnectionStore extends Store<ConnectionSnapshot> {
  constructor() {
    super({ state: 'idle', user: null, transport: null })
  }

  /** Follows the client. @returns a function that ends that */
  follow(client: Client): () => void {
    const read = (state: ClientState, { error, retryIn }: ClientEvents['state'][1]) => {
      const { user, transport } = client
      this.update({ state, user, transport, error, retryIn })
    }
    read(client.state, {})
    return client.on('state', read)
  }
}
