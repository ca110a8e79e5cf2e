import { byId, create, createAvatar, createButton } from '../../chat/page/dom.ts'
import type { Presence } from '../contract.ts'
import { ROOMS, type RoomName } from '../rooms.ts'
import { House } from './house.ts'

const KEY = 'name'

/** One room on the board. */
const createRoom = (name: RoomName, onClick: () => void) => {
  const people = create('ul', 'people')
  const count = create('span', 'count', '0')
  const button = createButton('quiet', 'Enter', onClick)
  const title = create('h2', '', name, ' ', count)
  const panel = create('section', 'panel', title, people, button)
  title.id = name
  panel.setAttribute('aria-labelledby', name)
  return {
    panel,
    show: (present: Presence['people'], me: string) => {
      count.textContent = String(present.length)
      people.replaceChildren(
        ...present.map(({ id, name }) => {
          const item = create('li', 'person', createAvatar(name), create('span', 'name', name))
          if (id === me) item.append(create('span', 'badge', 'you'))
          return item
        }),
      )
    },
    mark: (isHere: boolean) => {
      button.textContent = isHere ? 'Leave' : 'Enter'
      button.ariaLabel = `${isHere ? 'Leave' : 'Enter'} the ${name}`
      panel.dataset.here = String(isHere)
    },
  }
}

const openHouse = (me: string): void => {
  byId('entrance').hidden = true
  byId('house').hidden = false
  byId('me').textContent = me
  const status = byId('status')
  const house = new House(me, {
    state: (state) => {
      status.dataset.state = state
      status.textContent = state === 'open' ? 'Live' : 'Connecting. The board may be out of date'
    },
    presence: ({ room, people }) => rooms.get(room)?.show(people, me),
  })
  const enter = (name: RoomName) => {
    house.enter(house.room === name ? undefined : name)
    for (const [other, room] of rooms) room.mark(house.room === other)
  }
  const rooms = new Map(ROOMS.map((name) => [name, createRoom(name, () => enter(name))]))
  byId('rooms').replaceChildren(...[...rooms.values()].map(({ panel }) => panel))
  for (const room of rooms.values()) room.mark(false)
  byId('title').focus()
}

const input = byId<HTMLInputElement>('name')
input.value = localStorage.getItem(KEY) ?? ''
byId<HTMLFormElement>('enter').addEventListener('submit', (event) => {
  event.preventDefault()
  const name = input.value.trim()
  if (name === '') return
  localStorage.setItem(KEY, name)
  openHouse(name)
})
