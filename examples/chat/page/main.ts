import { addressOf, roomInAddress, savedName, saveName, toName, toRoom } from './address.ts'
import { openChat } from './chat.ts'
import { byId } from './dom.ts'

const entrance = byId('entrance')
const chat = byId('chat')
const form = byId<HTMLFormElement>('join')
const nameInput = byId<HTMLInputElement>('name')
const roomInput = byId<HTMLInputElement>('room-name')
const toggle = byId<HTMLButtonElement>('toggle')
const share = byId<HTMLButtonElement>('share')

let leave = (): void => {}
let lastRoom = 'lobby'

const showPeople = (open: boolean): void => {
  chat.classList.toggle('with-people', open)
  toggle.ariaExpanded = String(open)
}

/** Shows the room of the address, or the entrance if the room or the name is unknown. */
const route = (): void => {
  leave()
  leave = () => {}
  const room = roomInAddress()
  const name = savedName()
  const inRoom = room !== '' && name !== ''
  chat.hidden = !inRoom
  entrance.hidden = inRoom
  showPeople(false)
  if (inRoom) {
    lastRoom = room
    byId('room').textContent = room
    leave = openChat(room, name)
    return
  }
  document.title = 'Rookery chat'
  nameInput.value = name
  roomInput.value = room || lastRoom
  const empty = name === '' ? nameInput : roomInput
  empty.focus()
  empty.select()
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  const name = toName(nameInput.value)
  const room = toRoom(roomInput.value)
  nameInput.value = name
  roomInput.value = room
  // Text of only spaces and slashes has become empty.
  if (!form.reportValidity()) return
  saveName(name)
  if (location.hash === addressOf(room)) route()
  else location.hash = addressOf(room)
})

// Only small screens have the button. Larger ones always show the people.
toggle.addEventListener('click', () => showPeople(!chat.classList.contains('with-people')))
addEventListener('keydown', ({ key }) => {
  if (key === 'Escape') showPeople(false)
})

// The clipboard exists only on https and localhost. Elsewhere, users copy the link from the address bar.
share.hidden = !navigator.clipboard
share.addEventListener('click', async () => {
  await navigator.clipboard.writeText(location.href)
  const label = share.querySelector('span')!
  label.textContent = 'Copied'
  setTimeout(() => {
    label.textContent = 'Copy link'
  }, 2000)
})

addEventListener('hashchange', route)
route()
