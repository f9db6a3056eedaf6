// Every action by its one name: what the sheet says about it. Keys, buttons, menus and tests use the same names.

import { gettext } from "./i18n.js";

/** [heading, [[action, what it does], ...]] in the order of the sheet. */
export const sheetSections = () => [
  [gettext("Play and step"), [
    ["play", gettext("Play or pause")],
    ["shuttle-back", gettext("Play backwards; again: faster")],
    ["shuttle-stop", gettext("Stop; again: normal speed. Held, with J or L: one frame")],
    ["shuttle-forward", gettext("Play forwards; again: faster")],
    ["slower", gettext("Slower")],
    ["faster", gettext("Faster")],
    ["step-back", gettext("One frame back")],
    ["step-forward", gettext("One frame forward")],
    ["leap-back", gettext("Ten frames back")],
    ["leap-forward", gettext("Ten frames forward")],
    ["first-frame", gettext("First frame")],
    ["last-frame", gettext("Last frame")],
    ["go-to", gettext("Go to a frame or a time")],
    ["loop", gettext("Play the stroke over and over, with a little lead and tail")],
  ]],
  [gettext("Mark"), [
    ["mark-begin", gettext("A stroke begins with the picture on screen")],
    ["mark-end", gettext("It ends with the picture on screen, which still belongs to it")],
    ["set-begin", gettext("Move the begin of the chosen stroke to this picture")],
    ["set-end", gettext("Move its end to this picture")],
    ["begin-earlier", gettext("Begin one frame earlier; with Shift five")],
    ["begin-later", gettext("Begin one frame later; with Shift five")],
    ["end-earlier", gettext("End one frame earlier; with Shift five")],
    ["end-later", gettext("End one frame later; with Shift five")],
    ["remove", gettext("Remove the stroke")],
    ["unsure", gettext("Unsure, or sure again")],
    ["note", gettext("Write a note")],
  ]],
  [gettext("Decide"), [
    ["next-to-decide", gettext("Next suggestion to decide")],
    ["accept", gettext("Accept the suggestion with its first class")],
    ["reject", gettext("Reject the suggestion")],
    ["previous", gettext("Previous stroke or suggestion")],
    ["next", gettext("Next stroke or suggestion")],
    ["figures", gettext("Scores as words or as figures")],
    ["palette", gettext("Find a class by typing, for example “ofl”")],
  ]],
  [gettext("View and undo"), [
    ["fit", gettext("Zoom to the stroke; again: the whole video")],
    ["zoom-in", gettext("Zoom in")],
    ["zoom-out", gettext("Zoom out")],
    ["region", gettext("Show the region that the network sees")],
    ["history", gettext("What was done in this video")],
    ["undo", gettext("Undo")],
    ["redo", gettext("Redo")],
    ["cancel", gettext("Drop the open mark, class or selection")],
    ["sheet", gettext("This sheet")],
  ]],
];
