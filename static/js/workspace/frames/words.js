// What is said of the roads to the pictures: which is gone, why not a better one, what to do.

import { count } from "../timecode.js";
import { fill, gettext } from "../i18n.js";

/** The word on the button. */
export const roadName = (road) =>
  ({ webcodecs: gettext("Exact"), server: gettext("Exact, by the server"), video: gettext("Browser video") })[road] ??
  gettext("No picture");

export const roadSentence = (road) =>
  ({
    webcodecs: gettext("Each picture is decoded here and named by its own time in the file. Stepping is at once."),
    server: gettext("The server makes each picture and says which one it is. A step takes as long as the line needs."),
    video: gettext("The browser’s video player shows the pictures; each is checked by the time that the player reports. Stepping is slower."),
  })[road] ?? gettext("No way to show pictures of this video for certain works in this browser.");

/** Why a road is not gone. */
export function reasonSentence({ road, reason, detail }) {
  const sentence = {
    insecure: gettext("This page came over plain http, and browsers decode exactly only on a secure address (https, or localhost). Please ask the administrator for an https address; until then pictures come from the server."),
    no_webcodecs: gettext("This browser has no decoder for pages. A current Chromium, Chrome, Edge, Firefox or Safari has one."),
    codec: gettext("This browser cannot decode the video’s format (%(detail)s) by itself."),
    table: gettext("The video file is not what its frame table says, from frame %(detail)s on. Please tell the administrator: the video should be prepared again."),
    changed: gettext("The video was prepared anew meanwhile. Reload the page."),
    network: gettext("The video file could not be fetched."),
    decoder: gettext("The decoder of this browser failed (%(detail)s)."),
    silent: gettext("No picture came within ten seconds."),
    worker: gettext("The decoder could not be started in this browser."),
    other_picture: gettext("The server sent another picture than the one asked for."),
    no_server_pictures: gettext("This server makes no pictures for this video."),
    server: gettext("The server could not make a picture."),
    no_frame_callback: gettext("This browser cannot tell which frame its video player shows. Please use a current Chromium or Firefox."),
    video: gettext("The video cannot be played in this browser, or the connection broke. Reload the page to try again."),
  }[reason];
  return fill(sentence ?? String(reason), { detail: detail ?? "?", road });
}

/** What is said instead of a picture's number. */
export function unproven(frame, reason) {
  const sentence = {
    offline: gettext("Frame %(frame)s could not be fetched: the server cannot be reached. What you marked is safe. Step again when the connection is back."),
    server: gettext("Frame %(frame)s could not be fetched: the server did not give it. What you marked is safe. Step again, or reload the page."),
  }[reason];
  if (sentence) return fill(sentence, { frame: count(frame) });
  if (["no_frame_callback", "video"].includes(reason)) return reasonSentence({ reason });
  const plain = gettext("Frame %(frame)s could not be shown for certain in this browser, so no number is given for the picture. Step once, or reload the page.");
  return fill(plain, { frame: count(frame) });
}

/** What a screen of `rate` pictures a second shows of `due`; empty if all of them. */
export function screenSentence(due, rate) {
  if (due <= rate * 1.02) return "";
  const text = gettext("At this speed %(due)s pictures a second are due; the screen shows about %(rate)s of them. Slower shows every one.");
  return fill(text, { due: Math.round(due), rate: Math.round(rate) });
}
