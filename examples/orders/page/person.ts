import { type Person, people } from '../people.ts'

const KEY = 'person'

/** The person of this tab. Another tab may have another one. */
export const savedPerson = (): Person | undefined =>
  people.find(({ id }) => id === sessionStorage.getItem(KEY))

export const savePerson = (person: Person | undefined): void => {
  if (person) sessionStorage.setItem(KEY, person.id)
  else sessionStorage.removeItem(KEY)
}
