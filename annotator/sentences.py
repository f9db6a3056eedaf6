"""The sentences for people, one for each code that domain, steps, jobs and front may refuse with."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ASKING: dict[str, str | Promise] = {
    "signed_out": _("You are signed out. Sign in again to go on; nothing you did is lost."),
    "other_person": _(
        "Somebody else ({name}) is signed in in this browser now. What you did is kept here; sign in under your own name to send it."
    ),
    "bad_key": _("The key of this request is no UUID. Nothing was changed."),
    "key_reused": _("This was sent under the key of another request. Nothing was changed; send it with a new key."),
    "busy": _("The server is busy for a moment. What you did is kept here and sent again by itself."),
    "wrong_password": _("Name or password is not right. Please try again."),
    "too_many_tries": _("Too many wrong tries. Please wait a quarter of an hour, or ask your administrator."),
    "no_mail": _("This site sends no mail. Ask your administrator for a link to set a new password."),
    "forbidden": _("This is for others. Ask your administrator if you need it."),
    "not_admin": _("Only an administrator can do this. Nothing was changed."),
    "not_yours": _("Only who uploaded this video or an administrator can do this. Nothing was changed."),
    "csrf_failed": _("This page is older than your last sign-in. Reload it and do this again; nothing was changed."),
    "not_found": _("This is not here (any more), or not for you."),
    "method_not_allowed": _("This address cannot do that. Nothing was changed."),
    "wrong_content_type": _("This was not sent in a form that is read here. Nothing was changed."),
    "bad_json": _("What was sent cannot be read. Nothing was changed."),
    "bad_request": _("What was sent cannot be understood. Nothing was changed."),
    "bad_field": _("“{field}” is not right: {detail} Nothing was changed."),
    "bad_file": _("This file is not what it should be: {detail}. Nothing was changed."),
    "body_too_large": _("This is too much at once. Nothing was changed; send it in smaller parts."),
    "use_post": _("This makes something new on the server, so it is sent by the button on the Data page."),
    "which_video": _("This export is of one video. Choose which one."),
    "bad_name": _(
        "A name has 1 to 150 letters, digits, or @ . + - _ and no spaces. Nobody was invited; choose another one."
    ),
    "name_taken": _("There is an account “{name}” already. Choose another name, or make a new link for that one."),
    "bad_email": _("This is not an address that mail can go to. Nobody was invited; leave it empty if there is none."),
    "bad_role": _("People here are experts or administrators. Nothing was changed."),
    "not_yourself": _("Nobody changes their own role or shuts themselves out; ask another administrator."),
    "not_active": _("The account of {name} is out of use. Put it into use first."),
    "bad_preference": _("This cannot be set so ({field}). Nothing was changed."),
    "unknown_taxonomy": _("These classes are not on this site. Nothing was changed; choose others."),
}

VIDEOS: dict[str, str | Promise] = {
    "already_here": _("This very file is already here, as “{title}”. Nothing was added."),
    "disk_full": _(
        "The disk of this site is full, so this was not kept. What was there is safe; ask your administrator to make room."
    ),
    "upload_too_large": _(
        "This file is larger than this site takes ({limit_bytes}). Cut it into parts and upload those."
    ),
    "upload_cut": _("The connection broke. What has arrived is kept, and the upload goes on from there."),
    "upload_busy": _("This upload is being written to by another request. Try again in a moment; what has arrived is kept."),
    "wrong_offset": _("The upload has come to byte {offset}; go on from there. What has arrived is kept."),
    "upload_beyond": _("More was sent than was announced ({limit_bytes}). What was announced is kept."),
    "upload_gone": _("This upload is not here any more: it was given up, or nothing came for a day. Please start it again."),
    "bad_checksum": _("This piece was damaged on its way, so it was not kept. It is sent again."),
    "too_many_uploads": _("{most} of your uploads are not finished yet. Let one finish or cancel it, then go on."),
    "tus_version": _("Uploads are spoken to in tus {version} (header Tus-Resumable). Nothing was changed."),
    "empty_file": _("This file is empty. Please choose another one."),
    "bad_title": _("A video needs a title of at least one letter. Nothing was changed."),
    "bad_player": _(
        "A player needs a pseudonym of at most 80 letters, and a hand and a side from the lists ({field} is not right). Nothing was changed."
    ),
    "player_has_strokes": _(
        "{player} has strokes in this video, so they stay in it. Give those strokes to somebody else first."
    ),
    "not_a_video": _(
        "This is not a video file that can be read (found: {found}). Nothing of it was kept; please choose another one."
    ),
    "no_video_stream": _("There is no moving picture in this file. Nothing of it was kept; please choose another one."),
    "codec_not_allowed": _(
        "This video is coded as {codec}, which is not read here. Convert it to H.264 (MP4) and upload it again."
    ),
    "format_not_allowed": _("This kind of file ({found}) is not read here. Convert it to MP4 and upload it again."),
    "too_large_picture": _(
        "The picture is too large ({width} × {height}). Convert it to at most 4096 × 2304 and upload it again."
    ),
    "too_long": _("This video is longer than this site takes ({minutes} minutes). Cut it into parts and upload those."),
    "no_frames": _("No picture of this video can be read. Nothing of it was kept; please check the file."),
    "no_index": _("The index of this video cannot be read. Convert it to H.264 (MP4) and upload it again."),
    "truncated": _(
        "Most of this video is missing: {found} of {declared} pictures can be read. Please copy it from the camera again."
    ),
    "decoder_crashed": _("This video cannot be decoded to the end. Convert it to H.264 (MP4) and upload it again."),
    "frames_changed": _(
        "The video now gives {now} pictures instead of {before}. All marks were kept; ask your administrator to look at its file."
    ),
    "frame_lost": _(
        "A picture that was there before cannot be read any more (frame {frame}). All marks are safe; ask your administrator to look at the file."
    ),
    "no_such_frame": _("This video has {n} frames, from 0 on; there is no frame {frame}."),
    "pictures_busy": _("The server has no time for this picture just now. Nothing is lost; try again in a moment."),
    "pictures_failed": _(
        "The server could not read this picture (frame {frame}). All marks are safe; try again, and tell your administrator if it stays so."
    ),
    "clip_differs": _("The clip {name} did not come out exact, so it was not kept. Your video is safe; try again."),
    "proxy_differs": _(
        "The browser copy differs from the video at frame {frame}, so it was not used. Your file is safe; ask your administrator to try again."
    ),
    "wrong_state": _("That cannot be done with this video now ({state}). Nothing was changed; reload the page."),
    "has_labels": _("“{title}” holds {decisions} decisions of experts. Press again to delete them too."),
    "not_blind": _("“{title}” shows suggestions already."),
    "blind_video": _("“{title}” is labelled without suggestions, so that the model is measured honestly."),
    "not_ready": _("“{title}” is still being checked. It can be marked as soon as its picture is there."),
}

MARKS: dict[str, str | Promise] = {
    "stale": _(
        "Somebody, or you in another tab, changed the marks of this video meanwhile. Both versions are safe; look at them and choose."
    ),
    "version_missing": _(
        "The request does not say which version it stands on (If-Match). Nothing was changed; reload the page."
    ),
    "op_reused": _("This change was sent before with another content. Nothing was changed; reload the page."),
    "bad_op": _("This change cannot be understood ({field}). Nothing was changed; reload the page and try again."),
    "end_before_begin": _("A stroke must end after it begins. Nothing was changed."),
    "beyond_last_frame": _("The last frame of this video is {last}; this lies beyond it. Nothing was changed."),
    "unknown_move": _("“{move}” is not a class of {taxonomy}. Nothing was changed."),
    "unknown_player": _("{player} is not named among the players of this video. Nothing was changed."),
    "unknown_stroke": _("This stroke is not there any more. Nothing was changed; reload the page."),
    "unknown_suggestion": _("This suggestion is not there any more. Nothing was changed; reload the page."),
    "already_decided": _("This suggestion was decided before. Open it again first."),
    "not_complete_yet": _(
        "Mark this video to its end first and say “Every stroke is marked”. Then you see what others marked; before, it might lead you."
    ),
    "too_few_finished": _(
        "A consensus needs at least two experts who have marked every stroke of this video; so far: {found}. Nothing was changed."
    ),
    "nothing_agreed": _(
        "The experts agree on no stroke of this video yet, so there is nothing to begin a consensus with. Nothing was changed."
    ),
    "consensus_not_begun": _("This video has no consensus yet. Begin it first from what all agree on. Nothing was changed."),
    "not_your_lane": _("These marks belong to somebody else. Nothing was changed."),
}

FILES: dict[str, str | Promise] = {
    "bad_rule": _("A rule has at most {longest} letters. Nothing was changed."),
    "not_watchable": _("“{title}” cannot be watched yet. Try again once its browser copy is there."),
    "bad_example": _("An example is a stroke of at most {longest} seconds inside its video. Nothing was changed."),
    "example_blind": _("“{title}” is labelled blind, so nothing of it is shown as an example. Choose a stroke of another video."),
    "bad_interval": _("Frames {begin} to {end} are not in this video of {n} frames."),
    "not_practice": _("This is not the practice video, so there is no truth to compare with."),
    "nothing_marked": _("You have marked nothing yet. Mark a few strokes, then ask for your score again."),
    "practice_video": _("The practice video is for practice only: it is not imported, exported or learned from."),
    "bad_taxonomy": _("These classes cannot be used: {reason}. Nothing was changed."),
    "bad_suggestions": _("These suggestions do not fit the video: {reason}. Nothing was changed."),
    "file_too_large": _("This file is too large to be a file of marks. Nothing was changed."),
    "too_big": _("This file is larger than {megabytes} MB. Nothing was changed."),
    "not_xml": _("This is not an XML file that can be read (line {line}: {reason}). Nothing was changed."),
    "xml_doctype": _("Line {line}: document types and entities are not read. Take them out and try again."),
    "wrong_root": _("This XML begins with <{root}>, but a file of marks begins with <video>. Nothing was changed."),
    "unexpected_element": _("Line {line}: <{found}> is not expected here."),
    "bad_frame": _('Line {line}: {field}="{value}" is not a frame number.'),
    "bad_lines": _(
        "{count} lines of this file cannot be imported. Nothing was imported; put them right or leave them out."
    ),
    "unknown_export": _("{format} is not a form of export."),
    "no_labelled_videos": _("No video of {taxonomy} has strokes to learn from yet. Mark some first, then try again."),
}

WORK: dict[str, str | Promise] = {
    "bad_job": _("{kind} is not a kind of work, or what it is for is missing."),
    "job_busy": _("This work is just being started by somebody else. Look again in a moment."),
    "job_lost": _("This work was given to another process; its own result was not used. Nothing is lost."),
    "job_not_failed": _("This work has not failed, so there is nothing to try again."),
    "job_not_active": _("This work has ended already."),
    "gave_up": _(
        "This was tried three times and broke off each time. What you marked is safe; an administrator can look at the log and try again."
    ),
    "worker_died": _("The process that worked on this died; it is tried again by itself. Nothing is lost."),
    "killed": _(
        "The system ended this work ({step}), most likely for want of memory. What was done is kept; free some memory and try again."
    ),
    "crashed": _("This work broke off unexpectedly. What you marked is safe; an administrator can look at the log."),
    "step_crashed": _(
        "This work ({step}) broke off unexpectedly. What you marked is safe; an administrator can look at the log."
    ),
    "took_too_long": _(
        "This took longer than {minutes} minutes and was ended. What you marked is safe; try again when the machine is less busy."
    ),
    "step_silent": _(
        "This work ({step}) gave no sign of life for {minutes} minutes and was ended. What you marked is safe; try again."
    ),
    "internal_error": _(
        "Something went wrong on our side. What you marked is safe; please tell your administrator, whose log says more."
    ),
    "out_of_memory": _(
        "There was not enough memory for this. What you marked is safe; free some memory and try again."
    ),
    "already_preparing": _(
        "This video is being prepared by another process already. Nothing is lost; look again later."
    ),
    "not_prepared": _(
        "This video is not prepared for the network, or its files are damaged. Your marks are safe; prepare it again."
    ),
    "bad_frames": _(
        "The frame table of this video cannot be read. Your marks are safe; ask your administrator to check the video again."
    ),
    "bad_corrections": _("The corrected boxes of this video cannot be read ({found}). Nothing was changed."),
    "bad_rate": _("{rate} pictures a second cannot be prepared. Ask your administrator to correct the setting."),
    "unknown_flow": _(
        "“{method}” is not a way to compute motion that is known here ({known}). Ask your administrator to correct the setting."
    ),
    "other_video": _("The prepared files belong to another video. Nothing was changed; prepare this one again."),
    "bad_scene": _("A scene cannot be drawn with these settings."),
}

MODELS: dict[str, str | Promise] = {
    "damaged_archive": _(
        "Some prepared files were damaged ({found}). They are being checked and made again; your marks are safe. Start this again afterwards."
    ),
    "file_missing": _(
        "There is no file {path}. Nothing was made."
    ),
    "folder_in_use": _(
        "The folder {path} holds something else. It was left as it is; choose another one."
    ),
    "export_differs": _(
        "The exported network does not compute what the model does ({found}), so it was not kept. The model is safe."
    ),
    "not_installed": _(
        "This needs the package {package}, which is not installed here. Nothing was changed."
    ),
    "not_a_bundle": _(
        "{path} is not an exported model, or it is damaged ({found}). Export it again."
    ),
    "preview_differs": _(
        "The preview has {found} pictures instead of {wanted}, so it was not kept. The predictions are safe."
    ),
    "not_ttstroke": _(
        "{path} is not laid out like TTStroke-21 or MediaEval. Nothing was changed; choose the folder that holds classificationTask or detectionTask."
    ),
    "bad_annotation": _(
        "{file} holds a line that makes no sense ({found}). Nothing was learned; correct it and start again."
    ),
    "video_missing": _(
        "The video {video} is not in the folder. Add it and start again; what is done is kept."
    ),
    "unknown_norm": _(
        "There is no normalisation “{norm}”. Known: {known}."
    ),
    "nothing_unseen": _(
        "There is nothing to measure on that was not learned from. Mark more strokes, or make a test part."
    ),
    "no_openvino": _(
        "This needs the package OpenVINO, which is not installed here. Install it, or scan without it."
    ),
    "other_training": _(
        "The folder {folder} holds the state of another training (other data or settings). It was left as it is; choose another folder, or remove it."
    ),
    "batch_too_small": _(
        "A batch of {batch} cannot be shared among {processes} processes. Use fewer processes, or a larger batch."
    ),
    "no_pose": _(
        "The video {video} has no poses, and this network needs them. Import them, or choose a network without pose."
    ),
    "bad_pose": _(
        "The pose file is not what it should be ({found}). Nothing was changed."
    ),
    "unsafe_checkpoint": _(
        "{path} could run code when it is opened, so it was not read. Save only its weights (a state dict) and try again."
    ),
    "other_clip_size": _(
        "These weights are for clips of another size ({found} final slots). Expected: {expected}. Say the size they were trained with."
    ),
    "dataset_gone": _("The data this training began with is not there any more. Your marks are safe; train again."),
    "nothing_to_learn": _("There are no strokes to learn from yet. Mark some, then train again."),
    "no_videos": _("There is no video to learn from yet. Mark the strokes of one, then train again."),
    "bad_dataset": _("The data for training cannot be read ({found}). Your marks are safe; try again."),
    "mixed_flow": _(
        "The videos were prepared in different ways ({methods}). Prepare them all in the same way, then train again."
    ),
    "other_flow": _(
        "This video was prepared in another way than the model learned from ({prepared}). Prepare it again."
    ),
    "diverged": _("The training did not settle, so its result was not kept. The model in use stays; try again."),
    "no_gpu": _("There is no graphics card that can be used. Train on the processor, or on another machine."),
    "unknown_preset": _("“{preset}” is not a preset ({known}). Ask your administrator to correct the setting."),
    "unknown_network": _("This network is not known here ({found})."),
    "network_too_small": _("This network is too small for its layers. Choose larger sizes."),
    "no_weights": _(
        "The weights of this model are missing. The model in use stays; train again or bring the folder back."
    ),
    "damaged_weights": _(
        "The weights of this model are damaged. The model in use stays; train again or bring the folder back."
    ),
    "foreign_weights": _("These weights belong to another network. Nothing was changed."),
    "not_a_run": _("This is not the folder of a trained model. Nothing was changed."),
    "run_not_whole": _("“{folder}” is not the whole folder of a model: {missing}. Nothing was changed."),
    "run_other_classes": _("This model was trained on other classes ({run}) than {taxonomy}. Nothing was changed."),
    "run_already_here": _("This model is already here, as model {number}. Nothing was changed."),
    "run_here": _("This model is already here, as model {number}. Nothing was changed."),
    "run_not_training": _("Model {number} is not in training any more ({state}). Nothing was changed."),
    "run_not_trained": _("Model {number} has no trained network ({state}), so it cannot be used."),
    "run_changed": _("Somebody chose another model meanwhile. Look again, then decide."),
    "no_previous_run": _("There is no earlier model to go back to. The model in use stays."),
}

REASONS: dict[str, str | Promise] = {
    "not_measured": _("It could not be measured on strokes it had not seen."),
    "champion_not_measured": _("It could not be compared with model {number}, which stays in use."),
    "champion_not_compared": _("It was not compared with model {number}, which has seen the same videos."),
    "not_worse_than_champion": _("{f1:.0%} on {strokes} unseen strokes; the model before had {other:.0%}."),
    "not_worse_than_baseline": _("{f1:.0%} on {strokes} unseen strokes; motion alone has {other:.0%}."),
    "worse_than_champion": _(
        "{f1:.0%} on {strokes} unseen strokes is worse than the {other:.0%} of model {number}, which stays in use."
    ),
    "worse_than_baseline": _("{f1:.0%} on {strokes} unseen strokes is worse than the {other:.0%} of motion alone."),
    "beats_baseline": _("{f1:.0%} on {strokes} unseen strokes; motion alone has {other:.0%}."),
    "not_better_than_baseline": _(
        "{f1:.0%} on {strokes} unseen strokes is not better than the {other:.0%} of motion alone."
    ),
    "classes_not_checkable": _(
        "None of the classes of the {strokes} unseen strokes was in its training; it finds strokes ({f1:.0%}) about as well as motion alone ({other:.0%})."
    ),
    "passed_against_champion": _(
        "{f1:.0%} on {strokes} unseen strokes; model {number} had {other:.0%}. No class was lost, and it is as honest about how sure it is."
    ),
    "maybe_worse_than_champion": _(
        "{f1:.0%} on {strokes} unseen strokes; model {number} has {other:.0%}. But on other videos it may well be worse, by {loss:.1%} or so: model {number} stays in use."
    ),
    "maybe_worse_than_baseline": _(
        "{f1:.0%} on {strokes} unseen strokes; motion alone has {other:.0%}. But on other videos it may well be worse, by {loss:.1%} or so."
    ),
    "recall_fell": _(
        "It finds fewer strokes of “{move}”: {now:.0%} of {strokes}, where the model in use finds {before:.0%}."
    ),
    "calibration_worse": _(
        "It is less honest about how sure it is: {now:.1%} off on average, where the model in use is {before:.1%} off."
    ),
    "more_false": _(
        "It takes {now} of {negatives} stretches that are no stroke for one; the model in use takes {before}."
    ),
    "few_strokes": _("Provisional: there are only {strokes} of the {needed} unseen strokes that a full check needs."),
    "chosen_by_admin": _("An administrator chose it."),
    "player_in_parts": _(
        "{player} is in several parts ({parts}): {videos}. Name the players before the next split is frozen."
    ),
    "no_part": _("“{title}” shares players with several parts ({parts}), so it is in none of them."),
    "blind_in_training": _("“{title}” is blind, but it is in {part}."),
}

SENTENCES: dict[str, str | Promise] = {**ASKING, **VIDEOS, **MARKS, **FILES, **WORK, **MODELS, **REASONS}
