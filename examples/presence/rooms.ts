/** The rooms of the house. In a file of its own, so that the page loads no schema library for it. */
export const ROOMS = ['kitchen', 'library', 'workshop'] as const

export type RoomName = (typeof ROOMS)[number]

export const isRoom = (name: string): name is RoomName => (ROOMS as readonly string[]).includes(name)
