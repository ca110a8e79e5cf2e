import { Composer } from './composer.ts'
import { byId } from './dom.ts'
import { Members } from './members.ts'
import { MessageList } from './message-list.ts'
import { type Draft, Room } from './room.ts'
import { Status } from './status.ts'
import { Timeline } from './timeline.ts'
import { Network } from './tour/network.ts'
import { Tour } from './tour/tour.ts'
import { TypingLine, TypingNotice } from './typing.ts'

/** `crypto.randomUUID` exists only on https and localhost, not on a phone in the same network. */
const randomId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )

/**
 * Opens a room, and connects the page's elements with the server's messages.
 *
 * @returns a function that leaves the room
 */
export const openChat = (roomName: string, me: string): (() => void) => {
  const left = new AbortController()
  const { signal } = left

  const timeline = new Timeline()
  const messages = new MessageList(byId('log'), byId<HTMLButtonElement>('jump'), signal, {
    timeline,
    me,
    actions: {
      retry: (id) => {
        const entry = timeline.get(id)
        timeline.remove(id)
        if (entry) void send(entry)
      },
      discard: (id) => {
        timeline.remove(id)
        messages.update()
        composer.focus()
      },
    },
    onUnread: (count) => {
      document.title = `${count > 0 ? `(${count}) ` : ''}#${roomName} · Rookery chat`
    },
  })
  const members = new Members(byId('members'), [byId('count'), byId('toggle-count')], me)
  const typing = new TypingLine(byId('typing'))
  const status = new Status(byId('status'), () => {
    room.connect()
    composer.focus()
  })

  const note = (text: string, from: string) => {
    const last = timeline.entries.at(-1)
    // A person whose connection breaks repeatedly gets one line, not one each time.
    if (last?.kind === 'note' && last.from === from) timeline.remove(last.id)
    timeline.add({ id: randomId(), kind: 'note', from, text, at: Date.now(), state: 'sent' })
    messages.update()
  }

  let tour: Tour | undefined
  let caughtUp = false
  byId('log').ariaLive = 'off'
  const network = new Network()
  const room = new Room(roomName, me, network, {
    connection: (connection) => {
      status.show(connection)
      tour?.connection(connection)
      if (connection.state !== 'open') typing.clear()
    },
    members: (present) => members.set(present),
    joined: (member) => {
      members.add(member)
      if (member.name !== me) note(`${member.name} joined`, member.name)
    },
    left: (member) => {
      members.remove(member)
      typing.remove(member.name)
      note(`${member.name} left`, member.name)
    },
    latest: (latest) => {
      for (const message of latest) {
        const news = timeline.take(message)
        if (news && caughtUp && message.from !== me) messages.arrived(message.id)
      }
      messages.update()
      // Screen readers read out only the messages from now on.
      if (!caughtUp) byId('log').ariaLive = 'polite'
      caughtUp = true
    },
    message: (message, isReplayed) => {
      tour?.message(isReplayed)
      typing.remove(message.from)
      if (timeline.take(message) && message.from !== me) messages.arrived(message.id)
      messages.update()
    },
    recovered: () => tour?.recovered(),
    gap: (reason) => tour?.gap(reason),
    typing: (name) => {
      if (name !== me) typing.add(name)
    },
  })

  tour = new Tour(room, network, signal)

  const send = async ({ id, text }: Draft) => {
    timeline.add({ id, kind: 'message', from: me, text, at: Date.now(), state: 'pending' })
    messages.toEnd({ written: true })
    try {
      // The message itself comes with the room's messages, also to this page.
      await room.send({ id, text })
    } catch {
      timeline.fail(id)
      messages.update()
    }
  }
  const notice = new TypingNotice(() => room.tellTyping())
  const composer = new Composer(byId<HTMLFormElement>('composer'), signal, {
    send: (text) => {
      notice.sent()
      void send({ id: randomId(), text })
    },
    typing: () => notice.typed(),
  })
  // On a phone, the keyboard would cover the messages.
  if (matchMedia('(pointer: fine)').matches) composer.focus()
  else byId('room').focus()

  return () => {
    left.abort()
    typing.clear()
    status.stop()
    void room.leave()
  }
}
