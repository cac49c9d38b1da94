"use strict";
const byId = (id) => document.getElementById(id);
const held = (id) => JSON.parse(byId(id).textContent);
const SVG = "http://www.w3.org/2000/svg";
const draw = (name, attributes, text) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
};
