const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const date = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })

const midnight = (at: number): number => new Date(at).setHours(0, 0, 0, 0)

export const isSameDay = (one: number, other: number): boolean => midnight(one) === midnight(other)

/** Such as `Today`, `Yesterday`, `Monday, 3 March`. */
export const dayName = (at: number): string => {
  // Rounded, because a day may have 23 or 25 hours.
  const days = Math.round((midnight(at) - midnight(Date.now())) / 86_400_000)
  const name = days === 0 || days === -1 ? relative.format(days, 'day') : date.format(at)
  return name.charAt(0).toUpperCase() + name.slice(1)
}

/** Creates a time of day. Its tooltip shows the full date. */
export const createTime = (at: number): HTMLTimeElement => {
  const time = document.createElement('time')
  time.dateTime = new Date(at).toISOString()
  time.title = full.format(at)
  time.textContent = clock.format(at)
  return time
}
