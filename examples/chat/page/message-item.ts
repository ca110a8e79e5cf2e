import { create, createAvatar, createButton } from './dom.ts'
import { createTime } from './time.ts'
import type { Entry } from './timeline.ts'

export interface MessageActions {
  retry(id: string): void
  discard(id: string): void
}

const createState = ({ id, state }: Entry, { retry, discard }: MessageActions): HTMLElement => {
  if (state === 'pending') return create('p', 'state', 'Waiting to be sent…')
  return create(
    'p',
    'state',
    'Not sent',
    createButton('link', 'Send again', () => retry(id)),
    createButton('link', 'Discard', () => discard(id)),
  )
}

/** Creates the list item of a message or a note. */
export const createItem = (entry: Entry, own: boolean, actions: MessageActions): HTMLLIElement => {
  const { kind, from, text, at, state } = entry
  if (kind === 'note') return create('li', 'note', text)
  const head = create('p', 'head', create('span', 'from', own ? 'You' : from), createTime(at))
  const body = create('div', 'body', head, create('p', 'text', text))
  if (state !== 'sent') body.append(createState(entry, actions))
  const item = create('li', own ? 'message own' : 'message', createAvatar(from), body)
  item.dataset.state = state
  return item
}
