import { toName } from './address.ts'

/** What a new tab suggests. */
const SUGGESTIONS = [
  'Ada',
  'Grace',
  'Alan',
  'Barbara',
  'Edsger',
  'Hedy',
  'Ken',
  'Margaret',
  'Niklaus',
  'Radia',
]

const lockOf = (name: string): string => `rookery-chat: ${name}`

/** Whether no other tab of this browser is open with this name. True where the browser cannot tell: not on https or localhost. */
const isFree = async (name: string): Promise<boolean> => {
  const held = (await navigator.locks?.query())?.held ?? []
  return !held.some((lock) => lock.name === lockOf(name))
}

/** The name of this tab. For a new tab, the last name in this browser, unless another tab has it. Empty if there is none. */
export const savedName = async (): Promise<string> => {
  const own = sessionStorage.getItem('name')
  if (own !== null) return toName(own)
  const last = toName(localStorage.getItem('name') ?? '')
  return last !== '' && (await isFree(last)) ? last : ''
}

/** A name that no tab of this browser has. */
export const suggestName = async (): Promise<string> => {
  const start = crypto.getRandomValues(new Uint8Array(1))[0] as number
  for (let index = 0; index < SUGGESTIONS.length; index++) {
    const name = SUGGESTIONS[(start + index) % SUGGESTIONS.length] as string
    if (await isFree(name)) return name
  }
  return ''
}

/**
 * Saves the name, so that a reload uses it again, and a new tab when this one is closed. Other tabs see that the name is taken.
 *
 * @returns a function that gives the name up
 */
export const takeName = (name: string): (() => void) => {
  sessionStorage.setItem('name', name)
  localStorage.setItem('name', name)
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  // Two tabs may have one name: a duplicated tab, for example. Then they share the lock.
  navigator.locks?.request(lockOf(name), { mode: 'shared' }, () => held)
  return release
}
