import { byId } from '../../chat/page/dom.ts'
import type { Grant } from '../grant.ts'
import { openDesk } from './desk.ts'
import { logIn, RequestError, refresh } from './login.ts'

const form = byId<HTMLFormElement>('login')
const user = byId<HTMLInputElement>('user')
const password = byId<HTMLInputElement>('password')
const button = form.querySelector('button')!
const notice = byId('notice')

const show = (view: 'entrance' | 'desk'): void => {
  byId('entrance').hidden = view !== 'entrance'
  byId('desk').hidden = view !== 'desk'
}

const showLogin = (reason = ''): void => {
  show('entrance')
  notice.textContent = reason
  notice.hidden = reason === ''
  const empty = user.value === '' ? user : password
  empty.focus()
}

const enter = (grant: Grant): void => {
  show('desk')
  byId('name').focus()
  openDesk(grant, showLogin)
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  button.disabled = true
  notice.hidden = true
  try {
    enter(await logIn(user.value.trim(), password.value))
  } catch (error) {
    showLogin(error instanceof RequestError ? `${error.message}.` : 'The server cannot be reached.')
  } finally {
    password.value = ''
    button.disabled = false
  }
})

// A user whose refresh token is still valid need not log in again.
refresh().then(enter, () => showLogin())
