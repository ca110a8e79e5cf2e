import type { Member } from 'rookery/rooms'
import { create, createAvatar } from './dom.ts'

/** The list of the room's members. */
export class Members {
  readonly #list: HTMLElement
  readonly #counts: readonly HTMLElement[]
  readonly #me: string
  #members = new Map<string, Member>()

  /** @param counts elements that show the number of members */
  constructor(list: HTMLElement, counts: readonly HTMLElement[], me: string) {
    this.#list = list
    this.#counts = counts
    this.#me = me
    this.#render()
  }

  set(members: readonly Member[]): void {
    this.#members = new Map(members.map((member) => [member.id, member]))
    this.#render()
  }

  add(member: Member): void {
    this.#members.set(member.id, member)
    this.#render()
  }

  remove({ id }: Member): void {
    this.#members.delete(id)
    this.#render()
  }

  #render(): void {
    const isMe = ({ name }: Member) => name === this.#me
    const members = [...this.#members.values()].sort(
      (one, other) => Number(isMe(other)) - Number(isMe(one)) || one.name.localeCompare(other.name),
    )
    this.#list.replaceChildren(
      ...members.map((member) => {
        const name = create('span', 'name', member.name)
        const item = create('li', 'member', createAvatar(member.name), name)
        if (isMe(member)) item.append(create('span', 'you', 'you'))
        return item
      }),
    )
    for (const count of this.#counts) count.textContent = String(members.length)
  }
}
