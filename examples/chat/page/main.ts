import { addressOf, roomInAddress, toName, toRoom } from './address.ts'
import { openChat } from './chat.ts'
import { byId } from './dom.ts'
import { savedName, suggestName, takeName } from './name.ts'

const entrance = byId('entrance')
const chat = byId('chat')
const form = byId<HTMLFormElement>('join')
const nameInput = byId<HTMLInputElement>('name')
const roomInput = byId<HTMLInputElement>('room-name')
const toggle = byId<HTMLButtonElement>('toggle')
const share = byId<HTMLButtonElement>('share')
const tourToggle = byId<HTMLButtonElement>('tour-toggle')

let leave = (): void => {}
/** Counts the changes of the address: a newer one ends an older one. */
let routes = 0
let lastRoom = 'lobby'

const showPeople = (open: boolean): void => {
  chat.classList.toggle('with-people', open)
  toggle.ariaExpanded = String(open)
}

const showTour = (open: boolean): void => {
  chat.classList.toggle('with-tour', open)
  tourToggle.ariaExpanded = String(open)
}

/** Shows the room of the address, or the entrance if the room or the name is unknown. */
const route = async (): Promise<void> => {
  leave()
  leave = () => {}
  const current = ++routes
  const room = roomInAddress()
  const name = await savedName()
  const suggested = name || (await suggestName())
  if (current !== routes) return
  const inRoom = room !== '' && name !== ''
  chat.hidden = !inRoom
  entrance.hidden = inRoom
  showPeople(false)
  if (inRoom) {
    lastRoom = room
    byId('room').textContent = room
    const giveUp = takeName(name)
    const close = openChat(room, name)
    leave = () => {
      close()
      giveUp()
    }
    return
  }
  document.title = 'Rookery chat'
  nameInput.value = suggested
  roomInput.value = room || lastRoom
  nameInput.focus()
  nameInput.select()
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  const name = toName(nameInput.value)
  const room = toRoom(roomInput.value)
  nameInput.value = name
  roomInput.value = room
  // Text of only spaces and slashes has become empty.
  if (!form.reportValidity()) return
  sessionStorage.setItem('name', name)
  if (location.hash === addressOf(room)) void route()
  else location.hash = addressOf(room)
})

// Only small screens have the button. Larger ones always show the people.
toggle.addEventListener('click', () => showPeople(!chat.classList.contains('with-people')))
addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape') return
  showPeople(false)
  if (isNarrow()) showTour(false)
})

/** Whether the panel would cover the messages. */
const isNarrow = (): boolean => matchMedia('(width < 72rem)').matches
tourToggle.addEventListener('click', () => showTour(!chat.classList.contains('with-tour')))
showTour(!isNarrow())

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

addEventListener('hashchange', () => void route())
void route()
