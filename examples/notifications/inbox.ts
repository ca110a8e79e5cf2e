import { type Client, createClient } from 'rookery/client'
import { WebSocket } from 'ws'
import type { InboxContract, Notification } from './contract.ts'

/** What a device stores between two starts of the app: in a browser `localStorage`, here a `Map`. */
export type Storage = Pick<Map<string, string>, 'get' | 'set'>

/** The inbox on one device of a user. */
export class Inbox {
  readonly notifications: Notification[] = []
  readonly #client: Client<InboxContract>

  /** @param onNew called with each notification, and whether the user missed it while this device was offline */
  constructor(
    url: string,
    user: string,
    storage: Storage,
    onNew: (notification: Notification, missed: boolean) => void,
  ) {
    this.#client = createClient<InboxContract>({
      url,
      WebSocket,
      token: async () => await (await fetch(`${url}/login/${user}`, { method: 'POST' })).text(),
      // The position of this device. The next start of the app goes on from there.
      cursorStorage: {
        getItem: (key) => storage.get(key) ?? null,
        setItem: (key, value) => void storage.set(key, value),
      },
    })
    const listener = (notification: Notification, { replayed }: { replayed?: boolean }) => {
      this.notifications.push(notification)
      onNew(notification, replayed === true)
    }
    // `local`: messages to the user arrive without a subscription on the server.
    this.#client.subscribe('inbox/new', listener, { local: true })
  }

  async connected(): Promise<void> {
    await this.#client.ready()
  }

  close(): void {
    this.#client.close()
  }
}
