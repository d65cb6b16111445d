// Built from frontend/ (b5729af0b0503dd0) by make frontend; do not edit.
var k="data-whisper-player",S=Symbol.for("whisper_magic.watchers");function z(){let o=globalThis,e=o[S];if(e!==void 0)return e;let[t,n]=[new Map,new Set],r=!1,i=()=>{r=!1;for(let s of n)s();for(let s of document.querySelectorAll(`[${k}]`))t.get(s.getAttribute(k)??"")?.(s)};return new MutationObserver(()=>{r||(r=!0,queueMicrotask(i))}).observe(document.body,{childList:!0,subtree:!0}),o[S]={mounts:t,gone:n}}function T(o,e,t){let{mounts:n,gone:r}=z();return n.set(o,e),r.add(t),document.querySelectorAll(`[${k}="${CSS.escape(o)}"]`).forEach(e),()=>{n.delete(o),r.delete(t)}}function a(o,e={},...t){let n=document.createElement(o);for(let[r,i]of Object.entries(e))i===!1||i===void 0||n.setAttribute(r,i===!0?"":String(i));return n.append(...t),n}function p(o,e=o){let t=Math.max(0,Math.floor(o)),[n,r,i]=[Math.floor(t/3600),Math.floor(t%3600/60),t%60],s=l=>String(l).padStart(2,"0");return e>=3600?`${n}:${s(r)}:${s(i)}`:`${Math.floor(t/60)}:${s(i)}`}function g(o,e){let[t,n]=[0,o.length];for(;t<n;){let r=t+n>>1;(o[r]??1/0)<=e?t=r+1:n=r}return t-1}function L(o,e=o){return a("button",{type:"button",title:e,"aria-label":e},o)}var f=class extends Error{},v=class{#e=new Map;#r=Math.random().toString(36).slice(2);#n;onslow=()=>{};onlost=()=>{};#d=new Set;#t=0;#o=!1;#i=!1;constructor(e){this.#n=e,e.on("msg:custom",this.#a)}get gone(){return this.#o}ask(e,t,n=[]){if(this.#o)return Promise.reject(new f("the kernel is gone"));let r=`${this.#r}-${this.#t+=1}`;return new Promise((i,s)=>{this.#e.set(r,{resolve:i,reject:s}),setTimeout(()=>{this.#e.has(r)&&this.#c(!0)},5e3);try{this.#n.send({...t,kind:e,id:r},void 0,n)}catch{this.close()}})}insist(e,t){let n=this.ask(e,t),r=`${this.#r}-${this.#t}`,i=s=>{setTimeout(()=>{this.#e.has(r)&&(this.#n.send({...t,kind:e,id:r}),s<5e3&&i(2*s))},s)};return i(200),n}#c(e){e!==this.#i&&this.onslow(this.#i=e)}onnotice(e){return this.#d.add(e),()=>this.#d.delete(e)}close(){if(!this.#o){this.#o=!0,setTimeout(this.onlost),this.#n.off("msg:custom",this.#a);for(let{reject:e}of this.#e.values())e(new f("the kernel is gone"));this.#e.clear()}}#a=(e,t)=>{if(typeof e.notice=="string")for(let r of this.#d)r(e);if(typeof e.id!="string")return;let n=this.#e.get(e.id);this.#e.delete(e.id),this.#c(!1),typeof e.error=="string"?n?.reject(new f(e.error)):n?.resolve({value:e.value,buffers:t.map(N)})}};function N(o){return o instanceof ArrayBuffer?new DataView(o):new DataView(o.buffer,o.byteOffset,o.byteLength)}var w=3,j=60,b=36,O=-60;function D(o){let e=o.reduce((t,n)=>t+n*n,0)/Math.max(1,o.length);return Math.min(1,Math.max(0,1-10*Math.log10(Math.max(1e-12,e))/O))}var x=class{element;#e=[];#r=null;#n=0;constructor(){this.element=a("canvas",{class:"meter",height:b,role:"meter","aria-label":"Level of the microphone","aria-valuemin":0,"aria-valuemax":100,"aria-valuenow":0})}start(e){this.#r=new AudioContext;let t=this.#r.createAnalyser();t.fftSize=2048,this.#r.createMediaStreamSource(e).connect(t);let n=new Float32Array(t.fftSize);this.#n=window.setInterval(()=>{t.getFloatTimeDomainData(n),this.#e.push(D(n)),this.#d()},j)}stop(){window.clearInterval(this.#n),this.#r?.close(),this.#r=null}#d(){let{clientWidth:e}=this.element,t=this.element.getContext("2d");if(t===null||e===0)return;let n=devicePixelRatio;[this.element.width,this.element.height]=[e*n,b*n],t.scale(n,n),t.fillStyle=getComputedStyle(this.element).getPropertyValue("--mark").trim()||"royalblue";let r=Math.floor(e/(w+1));this.#e.splice(0,Math.max(0,this.#e.length-r));let i=e-this.#e.length*(w+1);this.#e.forEach((l,d)=>{let h=Math.max(2,l*b);t.fillRect(i+d*(w+1),(b-h)/2,w,h)});let s=String(Math.round(100*(this.#e.at(-1)??0)));this.#e.length%8===0&&this.element.setAttribute("aria-valuenow",s)}};var A=`:host { all: initial; display: block; max-width: 62em; }
@media print { :host { max-width: none; } }
.player {
  --text: var(--jp-content-font-color1, var(--vscode-editor-foreground, CanvasText));
  --soft: var(--jp-content-font-color2, var(--vscode-descriptionForeground, color-mix(in srgb, CanvasText 66%, transparent)));
  --line: var(--jp-border-color2, var(--vscode-panel-border, color-mix(in srgb, CanvasText 18%, transparent)));
  --mark: var(--jp-brand-color1, var(--vscode-focusBorder, #1976d2));
  --wave: color-mix(in srgb, var(--soft) 60%, transparent);
  --surface: var(--jp-layout-color1, var(--vscode-editor-background, Canvas));
  --raised: var(--jp-layout-color2, var(--vscode-editorWidget-background, Canvas));
  --accepted: #2e7d32;
  --own: #1565c0;
  --rejected: #b3261e;
  --warn: color-mix(in srgb, #c75300 80%, var(--text));
  --gap: color-mix(in srgb, var(--soft) 16%, transparent);
  container-type: inline-size;
  color: var(--text);
  font: var(--jp-content-font-size1, 14px)/1.55 var(--jp-content-font-family, system-ui, -apple-system, "Segoe UI", sans-serif);
}
.player.dark { --accepted: #81c784; --own: #90caf9; --rejected: #f2a19b; --warn: #ffb74d; }
.player * { box-sizing: border-box; }
.soft { color: var(--soft); }
.warn, .flag { color: var(--warn); font-size: .9em; }
.flag { margin-inline-start: .6em; }
.number, .time, .clock { font-variant-numeric: tabular-nums; }
[hidden] { display: none !important; }

button, select, input { font: inherit; color: inherit; }
button {
  display: inline-flex; align-items: center; justify-content: center; min-width: 28px; min-height: 28px; padding: 0 8px;
  border: 1px solid transparent; border-radius: 4px; background: none; cursor: pointer;
}
button:hover { background: var(--raised); }
button[aria-pressed="true"] { border-color: var(--mark); box-shadow: inset 0 -2px 0 var(--mark); }
button:disabled { opacity: .45; cursor: default; }
svg { width: 20px; height: 20px; fill: currentColor; }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 1px; }

.head { display: flex; flex-wrap: wrap; align-items: center; gap: 0 .9em; }
.title { font-weight: 600; overflow-wrap: anywhere; }
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: 2px; margin-inline-start: auto; font-size: .93em; }
.tools select { min-height: 28px; border: 1px solid var(--line); border-radius: 4px; background: var(--surface); }

.strip {
  display: grid; grid-template-columns: auto auto minmax(4em, 1fr) auto auto; align-items: center; gap: 0 6px; margin: 2px 0; padding: 0 6px;
  border: 1px solid var(--line); border-radius: 6px; background: var(--surface);
}
.play { width: 34px; height: 34px; padding: 0; border-radius: 50%; background: var(--mark); color: var(--surface); }
.play:hover { background: color-mix(in srgb, var(--mark) 85%, var(--text)); }
.clock { color: var(--soft); font-size: .9em; white-space: nowrap; }
.clock b { color: var(--text); font-weight: 500; }
.waveform { height: 48px; overflow: hidden; cursor: text; }
.rate { display: flex; align-items: center; }
.rate button { padding: 0 4px; }
.speed { height: 28px; border: none; background: none; font-size: .9em; }
.speed option { background: var(--surface); color: var(--text); }
.volume { display: flex; align-items: center; }
.volume button { padding: 0 4px; }
.volume input { width: 4.2em; accent-color: var(--mark); }
@container (max-width: 34em) { .volume input, .clock .whole { display: none; } }

.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 6px; margin: 4px 0; font-size: .93em; }
.bar select { min-height: 28px; border: 1px solid var(--line); border-radius: 4px; background: var(--surface); }
.beside { margin: 4px 0; padding: 4px 10px; border-inline-start: 3px solid var(--mark); background: var(--raised); }
.beside .was { color: var(--soft); text-decoration: line-through; }
.beside button, .bar button { border-color: var(--line); }
.recorder .strip { grid-template-columns: auto auto minmax(4em, 1fr); min-height: 48px; }
.record { margin: 6px 0; border-color: var(--line); }
.record::before { content: ""; width: 10px; height: 10px; margin-inline-end: 7px; border-radius: 50%; background: #d32f2f; }
.record.on::before { border-radius: 2px; }
.meter { width: 100%; height: 36px; }
.work { display: flex; align-items: center; gap: 10px; font-size: .93em; }
.work progress { width: 12em; accent-color: var(--mark); }
textarea { width: 100%; padding: 2px 6px; border: 1px solid var(--mark); border-radius: 4px; background: var(--surface); color: inherit; font: inherit; resize: vertical; }
.bar input { flex: 0 1 22em; min-width: 0; height: 28px; padding: 0 8px; border: 1px solid var(--line); border-radius: 4px; background: var(--surface); }
.say { min-height: 0; color: var(--soft); font-size: .9em; }
.say:empty { display: none; }

.text { max-height: 30em; overflow: auto; margin: .3em 0 .4em; padding: .3em 0; border: solid var(--line); border-width: 1px 0; scrollbar-width: thin; }
.segment { display: flex; flex-wrap: wrap; gap: 0 1.2em; padding: .13em .3em; border-radius: 4px; cursor: pointer;
  content-visibility: auto; contain-intrinsic-block-size: auto 1.8em; }
.segment .time { flex: none; min-width: 3.2em; color: var(--soft); font-size: .86em; line-height: 1.8; text-align: end; }
.segment .speech { flex: 1 1 14em; min-width: 0; overflow-wrap: anywhere; }
.tail { padding-inline: 4.7em .3em; }
.segment.now { background: color-mix(in srgb, var(--mark) 9%, transparent); }
.segment.now .time { color: var(--text); }
.segment.hit { box-shadow: inset 2px 0 0 var(--mark); }
.words { white-space: pre-wrap; }
.word { border-radius: 3px; }
.word:hover, .round:hover { text-decoration: underline; text-decoration-color: var(--soft); text-underline-offset: 3px; }
.word.now { background: color-mix(in srgb, var(--mark) 30%, transparent); box-shadow: 0 0 0 1px color-mix(in srgb, var(--mark) 55%, transparent); }
.doubt .word { background: color-mix(in srgb, #e65100 calc(var(--doubt) * .55%), transparent); }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
::highlight(whisper-magic-hit) { background: color-mix(in srgb, #fbc02d 45%, transparent); }
::highlight(whisper-magic-hit-now) { background: #fbc02d; color: #000; }
.follow { position: sticky; bottom: 6px; float: inline-end; margin: -40px 10px 0 0; background: var(--raised); border-color: var(--line); font-size: .86em; }

.token { padding: 0 1px; border-bottom: 2px solid transparent; white-space: pre-wrap; }
.token.a { color: var(--accepted); border-color: var(--accepted); }
.token.t { color: var(--own); border-color: var(--own); border-bottom-style: dotted; }
.token.r { color: var(--rejected); text-decoration: line-through; }
.round { border-inline-end: 1px solid var(--line); padding-inline-end: 1px; cursor: pointer; }
.strip > * { grid-row: 2; }
.strip > :is(.minimap, .spectrogram, .ribbon) { grid-column: 3; min-width: 0; }
.strip > .minimap { grid-row: 1; padding-top: 4px; }
.strip > .spectrogram { grid-row: 3; }
.strip > .ribbon { grid-row: 4; }
.minimap canvas { display: block; width: 100%; height: 18px; cursor: pointer; touch-action: none; }
.spectrogram canvas { display: block; width: 100%; height: 96px; image-rendering: auto; }
.ribbon canvas { display: block; width: 100%; height: 28px; cursor: pointer; }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 1.1em; margin: 3px 0; font-size: .86em; }
.stepper { display: inline-flex; align-items: center; gap: 2px; margin-inline-start: auto; }
.stepper .number { min-width: 5em; text-align: center; }
.card { min-height: 3.2em; padding: 2px 8px; border-inline-start: 2px solid var(--line); font-size: .93em; }

.card table { margin: .3em 0; border-collapse: collapse; }
.card th { padding: 0 1.4em 0 0; color: var(--soft); font-weight: normal; text-align: start; }
.card td { padding: 1px 1.4em 1px 0; }
.foot { color: var(--soft); font-size: .86em; line-height: 1.7; overflow-wrap: anywhere; }
dialog { max-width: 30em; padding: 1em 1.4em; border: 1px solid var(--line); border-radius: 8px; background: var(--surface); color: var(--text); font: inherit; }
dialog dl { display: grid; grid-template-columns: auto 1fr; gap: .2em 1.2em; margin: .4em 0 1em; }
dialog dd { margin: 0; }
kbd { padding: 0 .4em; border: 1px solid var(--line); border-radius: 3px; font: .9em ui-monospace, monospace; }

@media (forced-colors: active) {
  .word.now, .tail { padding-inline: 4.7em .3em; }
.segment.now { forced-color-adjust: none; background: Highlight; color: HighlightText; }
  .play { forced-color-adjust: none; background: ButtonText; color: ButtonFace; }
}
@media (prefers-reduced-motion: reduce) { * { scroll-behavior: auto !important; } }
@media print { .strip, .tools, .find, .follow, .trace canvas, .stepper { display: none; } .text { max-height: none; overflow: visible; } .segment { content-visibility: visible; } }
`;var K=/^(ar|fa|he|ur|yi|ps|sd)\b/,W="whisper-magic-hit",F="whisper-magic-hit-now";function H(o){let e=t=>t.replace(/\s+/g,"");return o.words.length>0&&e(o.words.map(([t])=>t).join(""))===e(o.text)}var y=class{element;follow;#e;#r=a("div",{role:"list"});#n=a("div",{class:"tail soft",dir:"auto","aria-hidden":"true"});#d=!1;#t=[];#o=[];#i=-1;#c=null;#a=!0;#s=null;#h=new Map;#m=[];#u=null;#p;#f;constructor(e,t){this.#e=e,this.#p=t,this.element=a("div",{class:"text",role:"group",tabindex:0,"aria-label":"What was said"}),this.follow=a("button",{class:"follow",type:"button",hidden:!0},"Follow the sound"),this.follow.addEventListener("click",()=>{this.#l(!0),this.#w(this.#i)}),this.#f=new IntersectionObserver(n=>{for(let r of n)r.isIntersecting&&this.#v(this.#t.indexOf(r.target))},{root:this.element,rootMargin:"400px"});for(let n of["wheel","touchmove","pointerdown"])this.element.addEventListener(n,()=>{(n!=="pointerdown"||this.element.matches(":active"))&&this.#l(!1)},{passive:!0});this.element.addEventListener("click",this.#M),this.element.addEventListener("dblclick",this.#k),this.show(e)}show(e){this.#e=e,this.#i=-1,this.#c=null,this.#u=null,this.#o=e.segments.map(({start:r})=>r),this.#f.disconnect();let t=e.segments.at(-1)?.end??0;this.#t=e.segments.map(r=>this.#b(r,t)),this.#r.replaceChildren(...this.#t);let n=a("p",{class:"soft"},e.writing?"":"no speech");this.element.replaceChildren(this.#t.length>0?this.#r:n);for(let r of this.#t)this.#f.observe(r)}grow(e,t){let n=this.#t.length;n===0&&this.element.replaceChildren(this.#r),this.#e=e,this.#o=e.segments.map(({start:r})=>r);for(let r of e.segments.slice(n)){let i=this.#b(r,r.end);this.#t.push(i),this.#r.append(i),this.#f.observe(i)}this.#n.textContent=t.trim(),this.#r.after(this.#n),this.#a&&!this.#d&&(this.element.scrollTop=this.element.scrollHeight)}trace(e){this.#s=e,this.#h=new Map,e?.forEach(({tokens:t},n)=>{for(let r of new Set(t.map(i=>i.segment))){let i=this.#h.get(r)??[];i.push(n),this.#h.set(r,i)}}),this.#t.forEach((t,n)=>{t.querySelector(".words")?.classList.remove("filled"),t.dataset.near!==void 0&&this.#v(n)})}moved(e,t){this.#d=t;let n=g(this.#o,e),r=this.#e.segments[n];(r===void 0||e>=Math.max(r.end,r.start+.1))&&(n=-1),n!==this.#i&&(this.#t[this.#i]?.classList.remove("now"),this.#t[n]?.classList.add("now"),this.#i=n,n>=0&&(this.#v(n),t&&this.#a&&this.#w(n))),this.#g(n,e)}edit(e,t=""){let[n,r]=[this.#t[e],this.#e.segments[e]],i=n?.querySelector(".speech");if(!n||!i||r===void 0)return;this.#u?.end();let s=r.text.trim(),l=a("textarea",{"aria-label":`Text of the segment at ${p(r.start)}`,rows:2,dir:"auto"});l.value=s;let d=Array.from(i.children),h=()=>{l.remove();for(let u of d)u.hidden=!1};for(let u of d)u.hidden=!0;i.append(l),l.focus();let c=t.trim()===""?-1:s.indexOf(t.trim());l.setSelectionRange(Math.max(0,c),c<0?s.length:c+t.trim().length),this.#u={index:e,field:l,end:h}}key(e){let t=this.#u;if(t===null||e.key!=="Escape"&&(e.key!=="Enter"||e.shiftKey))return!1;let{index:n,field:r,end:i}=t;this.#u=null;let s=r.value.trim();return i(),e.key==="Enter"&&s!==this.#e.segments[n]?.text.trim()&&this.#p.onedit(n,s),this.element.focus(),!0}get now(){return this.#i}step(e,t){let n=g(this.#o,e+.05);return t<0&&e-(this.#o[n]??0)>1&&(n+=1),this.#o[Math.min(this.#o.length-1,Math.max(0,n+t))]??null}hits(e,t){let[n,r]=[C(W),C(F)];for(let i of this.#m)n?.delete(i),r?.delete(i);this.#m=[],e.forEach((i,s)=>{s===t&&this.#w(i.segment),this.#v(i.segment);let l=this.#y(i);l!==null&&((s===t?r:n)?.add(l),this.#m.push(l))}),this.#t.forEach((i,s)=>{i.classList.toggle("hit",e[t]?.segment===s)})}close(){this.hits([],-1),this.#f.disconnect()}#b(e,t){let n=e.language??this.#e.language??void 0,r={dir:n!==void 0&&K.test(n)?"rtl":"auto",...n===void 0?{}:{lang:n}},i=a("div",{class:"segment",role:"listitem"},a("span",{class:"time"},p(e.start,t)),a("span",{class:"speech"},a("span",{class:"words","aria-hidden":"true",...r},e.text.trim()),a("span",{class:"spoken",...r},e.text.trim())));return e.flags!==""&&i.lastElementChild?.append(a("span",{class:"flag"},`\u2691 ${e.flags}`)),i}#v(e){let[t,n]=[this.#t[e],this.#e.segments[e]],r=t?.querySelector(".words");!t||!n||!r||r.classList.contains("filled")||(t.dataset.near="",r.classList.add("filled"),this.#s!==null?r.replaceChildren(...this.#x(e)):H(n)?r.replaceChildren(...n.words.flatMap(P)):r.replaceChildren(n.text.trim()))}*#x(e){for(let t of this.#h.get(e)??[]){let n=this.#s?.[t];if(n===void 0)continue;let r=n.tokens.filter(i=>i.segment===e).map(B);yield a("span",{class:"round","data-round":t,title:q(n,t)},...r)}}#g(e,t){let n=null,r=this.#e.segments[e];if(r!==void 0&&this.#s===null&&H(r)){let i=g(r.words.map(([,l])=>l),t),s=r.words[i];s!==void 0&&t<s[2]&&(n=this.#t[e]?.querySelectorAll(".word")[i]??null)}n!==this.#c&&(this.#c?.classList.remove("now"),n?.classList.add("now"),this.#c=n)}#y({segment:e,start:t,end:n}){let r=this.#t[e]?.querySelector(".words");if(!r)return null;let i=new Range,s=document.createTreeWalker(r,NodeFilter.SHOW_TEXT),d=-(r.textContent.match(/^\s*/)?.[0]??"").length,h=!1;for(let c=s.nextNode();c!==null;c=s.nextNode()){let u=c.textContent?.length??0;if(!h&&t<d+u&&(i.setStart(c,t-d),h=!0),h&&n<=d+u)return i.setEnd(c,n-d),i;d+=u}return null}#w(e){let t=this.#t[e];if(t===void 0)return;let[n,r]=[this.element,t.offsetTop-this.element.offsetTop];if(r>=n.scrollTop&&r+t.offsetHeight<=n.scrollTop+n.clientHeight)return;let i=matchMedia("(prefers-reduced-motion: reduce)").matches;n.scrollTo({top:r-n.clientHeight/3,behavior:i?"auto":"smooth"})}#l(e){this.#a=e||this.element.scrollHeight<=this.element.clientHeight,this.follow.hidden=this.#a}#k=e=>{let t=e.target,n=t.closest(".segment");n===null||this.#s!==null||t.closest("textarea")||(document.getSelection()?.removeAllRanges(),this.edit(this.#t.indexOf(n),t.closest(".word")?.textContent??""))};#M=e=>{let t=e.target;if(t.closest("textarea")||G()!=="")return;let n=t.closest("[data-round]"),r=t.closest(".segment");if(r===null)return;if(this.#l(!0),n!==null){this.#p.onround(Number(n.dataset.round));return}let i=this.#e.segments[this.#t.indexOf(r)];if(i===void 0)return;let s=t.closest(".word"),l=s===null?-1:Array.from(r.querySelectorAll(".word")).indexOf(s);this.#p.onseek(i.words[l]?.[1]??i.start)}};function P([o,,,e]){let t=o.trimStart(),n=a("span",{class:"word",title:`${Math.round(e*100)} % sure`},t);return n.style.setProperty("--doubt",String(Math.round((1-e)*100))),[o.slice(0,o.length-t.length),n]}function M(o){let e=Math.round(100*o);return o<.005?"< 1 %":e===100&&o<.9995?"> 99 %":`${e} %`}function B({text:o,verdict:e,p:t,q:n,instead:r}){let i=[...t===void 0?[]:[`target ${M(t)}`],...n===void 0?[]:[`draft ${M(n)}`],...r===void 0?[]:[r.map(([s,l])=>`${s.trim()||"space"} ${M(l)}`).join(" \xB7 ")]];return a("span",{class:`token ${e}`,...i.length>0?{title:i.join("; ")}:{}},o)}var V=new Map([["model","the draft model"],["ngram","the n-gram drafter"],["previous","the previous transcript"]]);function q(o,e){let t=o.drafter===null?null:V.get(o.drafter)??o.drafter,n=t===null?"nothing was proposed":`${t} proposed ${o.proposed}, the target accepted ${o.accepted}`,r=o.temperature>0?`, temperature ${o.temperature}`:"",i=`draft ${o.draft_ms.toFixed(1)} ms, verify ${o.verify_ms.toFixed(1)} ms`;return`Round ${e+1}, position ${o.position}${r}: ${n}; ${i}`}function G(){return document.getSelection()?.toString()??""}function C(o){if(typeof Highlight>"u")return null;let e=CSS.highlights.get(o);return e===void 0&&(e=new Highlight,CSS.highlights.set(o,e)),e}function $(o,e){let t=()=>{let r=getComputedStyle(o).getPropertyValue("--surface");o.classList.toggle("dark",_(r,o)),e()},n=new MutationObserver(t);for(let r of[document.documentElement,document.body])n.observe(r,{attributeFilter:["data-jp-theme-light","data-jp-theme-name","class","style"]});return t(),()=>n.disconnect()}function _(o,e){let t=document.createElement("span");t.style.color=o,e.append(t);let[n=255,r=255,i=255]=getComputedStyle(t).color.match(/[\d.]+/g)?.map(Number)??[];return t.remove(),.2126*n+.7152*r+.0722*i<110}var U=250,R={title:"microphone",details:[],warning:null,duration:0,language:null,segments:[],gaps:[],sound:null,levels:[],formats:[],changes:0,rounds:0,foot:[],writing:!0},m=()=>{};function Y(o){if(!window.isSecureContext)return"No microphone: browsers give it to pages by https or on localhost only. Open this server by https, or through an SSH tunnel to localhost.";switch(o instanceof DOMException?o.name:""){case"NotAllowedError":return"No microphone: the browser does not let this page use it. Allow it in the site\u2019s settings, and press Record again.";case"NotFoundError":return"No microphone is there: connect one, and press Record again.";case"NotReadableError":return"No microphone: another program holds it. Close that, and press Record again.";default:return`No microphone: ${o instanceof Error?o.message:"this browser cannot record"}.`}}var E=class{host=a("div");#e;#r=a("div",{class:"player recorder",role:"group","aria-label":"Recorder"});#n=L("Record","Record from the microphone");#d=a("span",{class:"clock number",role:"timer"},"0:00");#t=new x;#o=a("div",{class:"say",role:"status"});#i=new y(R,{onseek:m,onround:m,onedit:m});#c=m;#a=[];#s=null;#h=!1;#m=Promise.resolve();#u=0;#p=0;constructor(e){this.#e=e,this.#n.classList.add("record"),this.#n.addEventListener("click",()=>{this.#f()});let t=a("div",{class:"strip"},this.#n,this.#d,this.#t.element);this.#i.element.hidden=!0,this.#r.append(t,this.#o,this.#i.element),this.host.attachShadow({mode:"open"}).append(a("style",{},A),this.#r),e.onnotice(n=>this.#y(n)),e.onlost=()=>{this.#g(),this.#l("The kernel is gone, and the recording with it."),this.#n.disabled=!0},e.onslow=n=>this.#l(n?"The kernel does not answer: it is busy, or gone. The recording goes on.":"")}mount(e){this.host.parentElement!==e&&(e.append(this.host),e.classList.add("wm-live"),this.#c(),this.#c=$(this.#r,m))}close(){this.#g(),this.#c(),this.#i.close(),this.host.remove()}async#f(){if(this.#s!==null){this.#s.stop();return}try{if(navigator.mediaDevices===void 0)throw new Error("this browser cannot record");let e=await navigator.mediaDevices.getUserMedia({audio:!0});this.#b(e)}catch(e){this.#l(Y(e))}}#b(e){let t=new MediaRecorder(e);t.addEventListener("dataavailable",({data:n})=>{n.size>0&&this.#v(n)}),t.addEventListener("stop",()=>{this.#x()}),t.start(U),this.#s=t,this.#t.start(e),this.#u=performance.now(),this.#p=window.setInterval(()=>{this.#d.textContent=p((performance.now()-this.#u)/1e3)},250),this.#n.textContent="Stop",this.#n.title="Stop recording",this.#n.setAttribute("aria-label","Stop recording"),this.#n.classList.add("on"),this.#l("")}#v(e){this.#m=this.#m.then(async()=>this.#e.ask("chunk",{},[await e.arrayBuffer()])).catch(t=>{this.#h||(this.#g(),this.#l(`Not recorded any further: ${t.message}.`))})}async#x(){this.#g(),this.#n.hidden=!0,this.#l("Reading it to its end\u2026"),await this.#m,await this.#e.ask("end",{}).catch(m)}#g(){if(!(this.#s===null||this.#h)){this.#h=!0,window.clearInterval(this.#p),this.#t.stop(),this.#s.state!=="inactive"&&this.#s.stop();for(let e of this.#s.stream.getTracks())e.stop();this.#n.classList.remove("on"),this.#n.disabled=!0}}#y(e){e.notice==="live"?this.#w(e):e.notice==="failed"&&(this.#g(),this.#l(`${e.error}.`))}#w({state:e,tail:t,first:n,segments:r}){this.#a=[...this.#a.slice(0,n),...r],(e===""||this.#s===null||this.#h)&&this.#l(e),!(this.#a.length===0&&t==="")&&(this.#i.element.hidden=!1,this.#i.grow({...R,segments:this.#a},t))}#l(e){this.#o.textContent=e}},ue={initialize({model:o}){let e=new E(new v(o)),t=T(String(o.get("anchor")),n=>e.mount(n),m);return()=>{t(),e.close()}}};export{ue as default,Y as refusal};
