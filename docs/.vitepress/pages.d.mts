/** Which files of the repository are pages of the site, and where they are in it. */
export function placeOf(file: string): string | undefined;
export function listPages(): string[];
export function siteLink(from: string, link: string, base?: string): string;
export function anchorOf(heading: string): string;
export function sidebar(): { readonly text: string; readonly items: readonly { readonly link: string }[] }[];
