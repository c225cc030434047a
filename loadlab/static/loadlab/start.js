// The start page: a scenario brings its settings, and the card at the side says what they mean.

import { setText, slot } from "./dom.js";
import { clock, count } from "./format.js";

// What an answer takes on a quiet machine; only to say "about 11,900" instead of "12,000".
const USUAL_LATENCY_S = 0.005;
const FIELDS = ["user_count", "think_time_s", "duration_s", "capacity"];
const form = document.getElementById("start-form");

function numberIn(name) {
  const { value } = form.elements[name];
  return value.trim() === "" ? NaN : Number(value);
}

function rounded(number) {
  const digits = number < 1000 ? 2 : 3;
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(number)) - digits + 1);
  return Math.round(number / unit) * unit;
}

function sentences() {
  const [users, think, duration] = FIELDS.map(numberIn);
  if (!(users >= 1 && think >= 0 && duration >= 1)) {
    return ["Fill in users, think time and duration to see it.", ""];
  }
  const people = users === 1 ? "1 user" : `${count(users)} users`;
  if (think === 0) {
    return [
      `As many requests in ${clock(duration)} as the server answers.`,
      `${people} without think time: nothing but the server limits them.`,
    ];
  }
  const requests = rounded((users / (think + USUAL_LATENCY_S)) * duration);
  const ceiling = Number((users / think).toPrecision(3)).toLocaleString("en-US");
  return [
    `About ${count(requests)} requests in ${duration} s.`,
    `${people} with ${think} s think time can never pass ${ceiling} per second.`,
  ];
}

function explain() {
  const [bold, quiet] = sentences();
  setText(slot("requests"), bold);
  setText(slot("ceiling"), quiet);
}

for (const radio of form.querySelectorAll('input[name="scenario"]')) {
  radio.addEventListener("change", () => {
    for (const name of FIELDS) form.elements[name].value = radio.getAttribute(`data-${name}`);
    explain();
  });
}
form.addEventListener("input", explain);
explain();
