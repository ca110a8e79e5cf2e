import { byId, create, createAvatar } from '../../chat/page/dom.ts'
import type { Device, Note } from '../contract.ts'
import type { Grant } from '../grant.ts'
import { Connection } from './connection.ts'
import { Countdown } from './countdown.ts'
import { logOut, logOutEverywhere } from './login.ts'

const USER_IDS = ['ada', 'alan', 'grace']
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`

const addNote = (list: HTMLElement, { from, text }: Note): void => {
  const item = create('li', '', create('b', '', from), ' ', create('span', '', text))
  list.append(item)
  item.scrollIntoView({ block: 'nearest' })
}

const deviceItem = ({ login, name, since, tabs }: Device, mine: string): HTMLLIElement => {
  const when = `since ${time.format(since)}${tabs > 1 ? `, ${tabs} tabs` : ''}`
  const item = create('li', '', create('b', '', name), create('span', 'faint', when))
  if (login === mine) item.append(create('span', 'badge', 'this device'))
  return item
}

/** Shows the desk of a user who is logged in. `onEnd` is called with the reason when the login has ended. */
export const openDesk = (grant: Grant, onEnd: (reason: string) => void): void => {
  const controller = new AbortController()
  const { signal } = controller
  const { user, device } = grant
  const others = USER_IDS.filter((id) => id !== user.id)
  const [otherUser = ''] = others
  let grants = 0
  let connects = 0
  let loggingOut = false

  byId('face').replaceChildren(createAvatar(user.name))
  byId('name').textContent = user.name
  byId('device').textContent = device
  byId('inbox-topic').textContent = `users/${user.id}/*`
  byId('pry').textContent = `Listen to users/${otherUser}/*`
  byId('to').replaceChildren(
    ...others.map((id) => new Option(`to ${id}`, id)),
    new Option('to myself', user.id),
  )
  for (const id of ['inbox', 'room', 'devices', 'members', 'refusal']) byId(id).replaceChildren()
  const problem = byId('problem')
  problem.hidden = true

  const countdown = new Countdown()
  const count = () => {
    byId('refreshes').textContent = plural(Math.max(0, grants - 1), 'time')
    byId('connects').textContent = plural(connects, 'connection')
  }
  const leave = (reason: string) => {
    if (signal.aborted) return
    controller.abort()
    countdown.stop()
    onEnd(loggingOut ? 'You are logged out.' : reason)
  }

  const connection = new Connection(grant, {
    state: (state, transport) => {
      byId('state').textContent = state === 'open' ? `connected over ${transport}` : 'connecting…'
      byId('state').dataset.state = state
    },
    tokenIssued: (expiresIn) => {
      grants += 1
      countdown.start(expiresIn)
      count()
    },
    opened: () => {
      connects += 1
      count()
    },
    devices: (devices) => {
      byId('devices').replaceChildren(...devices.map((each) => deviceItem(each, grant.login)))
    },
    inbox: (note) => addNote(byId('inbox'), note),
    room: (note) => addNote(byId('room'), note),
    members: (members) => {
      byId('members').textContent = members.map(({ name }) => name).join(', ')
    },
    ended: leave,
  })

  /** Performs an action of the user, and shows the error if it fails. */
  const attempt = async (act: () => Promise<unknown>) => {
    problem.hidden = true
    try {
      await act()
    } catch (error) {
      if (signal.aborted) return
      problem.hidden = false
      problem.textContent = `That did not work: ${(error as Error).message}`
    }
  }
  const onSubmit = (form: string, field: string, send: (text: string) => Promise<void>) => {
    const input = byId<HTMLInputElement>(field)
    byId(form).addEventListener(
      'submit',
      (event) => {
        event.preventDefault()
        void attempt(async () => {
          await send(input.value)
          input.value = ''
        })
      },
      { signal },
    )
  }
  const onClick = (id: string, act: () => Promise<unknown>) =>
    byId(id).addEventListener('click', () => void attempt(act), { signal })

  onSubmit('write', 'letter', (text) => connection.writeTo(byId<HTMLSelectElement>('to').value, text))
  onSubmit('say', 'words', (text) => connection.writeToRoom(text))
  onClick('pry', async () => {
    const error = await connection.subscribeToOther(otherUser)
    byId('refusal').textContent = error ? `${error.code}: ${error.message}` : 'The server allowed it.'
  })
  const onLogOut = (id: string, request: () => Promise<unknown>) =>
    onClick(id, async () => {
      // The server closes the connection before it answers.
      loggingOut = true
      try {
        await request()
        connection.close()
        leave('')
      } finally {
        loggingOut = false
      }
    })
  onLogOut('logout', logOut)
  onLogOut('logout-everywhere', logOutEverywhere)
}
