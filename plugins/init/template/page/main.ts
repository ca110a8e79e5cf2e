import { type ClientState, createClient } from 'rookery/client'
// Only the type, so that the page loads no schema library.
import type { contract } from '../contract.ts'

const byId = <E extends HTMLElement>(id: string) => document.getElementById(id) as E
const status = byId('status')
const messages = byId('messages')
const from = byId<HTMLInputElement>('from')
const text = byId<HTMLInputElement>('text')
const problem = byId('problem')

/** Connects to the server of this page, and again after every lost connection. */
const client = createClient<typeof contract>()

const STATES: Record<ClientState, string> = {
  idle: 'Not connected',
  connecting: 'Connecting…',
  open: 'Connected',
  waiting: 'Reconnecting…',
  closed: 'Disconnected',
}
client.on('state', (state) => {
  status.textContent = STATES[state]
  status.dataset.state = state
})

const create = (tag: string, content: string) =>
  Object.assign(document.createElement(tag), { textContent: content })

// Begins with the latest 50 messages. After a lost connection, the messages that the page missed come first.
client.subscribe(
  'chat/messages',
  (message) => {
    const item = create('li', '')
    const time = new Date(message.at).toLocaleTimeString([], { timeStyle: 'short' })
    item.append(create('strong', message.from), create('time', time), create('p', message.text))
    messages.append(item)
    item.scrollIntoView()
  },
  { since: { last: 50 } },
)

from.value = localStorage.getItem('name') ?? ''

byId<HTMLFormElement>('composer').addEventListener('submit', async (event) => {
  event.preventDefault()
  localStorage.setItem('name', from.value)
  const draft = { from: from.value, text: text.value }
  text.value = ''
  problem.textContent = ''
  try {
    // Waits for a connection if there is none. The message itself comes with the subscription.
    await client.call('chat/send', draft)
  } catch (error) {
    problem.textContent = `Not sent. ${(error as Error).message}`
    text.value ||= draft.text
  }
})
