/** An element of index.html. */
export const byId = <E extends HTMLElement>(id: string): E => {
  const element = document.getElementById(id)
  if (!element) throw new Error(`index.html has no element with the id '${id}'`)
  return element as E
}

/** Creates an element. Strings become text nodes, so a message never becomes HTML. */
export const create = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] => {
  const element = document.createElement(tag)
  element.className = className
  element.append(...children)
  return element
}

export const createButton = (className: string, label: string, onClick: () => void): HTMLButtonElement => {
  const button = create('button', className, label)
  button.type = 'button'
  button.addEventListener('click', onClick)
  return button
}

/** Creates a disc with a person's initial. The colour depends on the name. */
export const createAvatar = (name: string): HTMLElement => {
  const avatar = create('span', 'avatar', [...name][0]?.toUpperCase() ?? '?')
  let hash = 7
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)!) % 9973
  avatar.style.setProperty('--hue', String((hash * 137) % 360))
  avatar.ariaHidden = 'true'
  return avatar
}
