// SPDX-License-Identifier: Apache-2.0

/// What the pages load besides themselves; nothing comes from elsewhere.
enum Assets {
    /// Contrasts are 4.5:1 at least (WCAG 2.2 1.4.3); widths follow the reader's text size.
    static let style = """
        :root {
          color-scheme: light;
          --ink: #16202b; --paper: #ffffff; --edge: #6b7785; --accent: #0b4f8a; --calm: #eef3f8;
          --alarm: #7a1f00; --alarm-paper: #fff1e8;
        }
        * { box-sizing: border-box; }
        body { margin: 0; color: var(--ink); background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; }
        header, footer { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center;
          padding: .5rem 1rem; background: var(--calm); border-block: 1px solid var(--edge); }
        header .product { font-weight: 700; margin-inline-end: auto; }
        main { max-width: 75rem; margin: 0 auto; padding: 1rem; }
        main:focus { outline: none; }
        a { color: var(--accent); }
        :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
        .skip { position: absolute; left: -999rem; }
        .skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .5rem; }
        button, .button { display: inline-block; font: inherit; padding: .5rem 1rem; border-radius: .25rem;
          border: 1px solid var(--accent); background: var(--accent); color: var(--paper); text-decoration: none;
          cursor: pointer; min-height: 2.75rem; }
        button[disabled] { background: var(--paper); color: var(--edge); border-color: var(--edge); cursor: default; }
        .first { margin-block: .25rem; }
        header button, .first button { background: var(--paper); color: var(--accent); }
        h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-block: .25rem; }
        .patient { border: 2px solid var(--accent); border-radius: .25rem; padding: .25rem 1rem; }
        dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(9.5rem, 45%), 1fr)); gap: .25rem 1rem;
          margin: .25rem 0; }
        dt { font-size: .85rem; color: #475361; } dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
        .warning { color: var(--alarm); background: var(--alarm-paper); border-inline-start: .3rem solid var(--alarm);
          padding: .5rem .75rem; }
        .warning:empty, [hidden] { display: none; }
        .states { display: inline-flex; flex-wrap: wrap; gap: .25rem .75rem; list-style: none; padding: 0; margin: 0;
          color: var(--alarm); }
        .exams { list-style: none; padding: 0; }
        .exams > li { border-bottom: 1px solid var(--edge); padding: .75rem 0; }
        .document { display: inline-block; margin: .25rem 1rem .25rem 0; }
        .filters form { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; padding: .5rem 0; }
        label { display: flex; flex-direction: column; }
        label.choice { flex-direction: row; gap: .5rem; align-items: center; min-height: 2.75rem; }
        select, input[type=date] { font: inherit; padding: .4rem; min-height: 2.75rem; }
        input[type=radio], input[type=checkbox] { width: 1.25rem; height: 1.25rem; flex-shrink: 0; }
        main form, main p > .button { margin-block: .5rem; }
        .document form { margin: 0; }
        progress { width: 100%; height: 1.25rem; accent-color: var(--accent); }
        .images { list-style: none; padding: 0; display: grid; gap: .25rem;
          grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr)); }
        .images li { aspect-ratio: 1; background: #20262d; }
        .images img { width: 100%; height: 100%; object-fit: contain; display: block; }
        .report { margin-block-start: .75rem; width: 100%; height: 80vh; border: 1px solid var(--edge); }
        .detail { overflow-wrap: anywhere; }

        """

    /// Puts images in as they come, and tells how far they are. Without it the pages work by being loaded again.
    static let script = """
        "use strict";
        const progress = document.getElementById("progress");

        function show(position, alternative) {
          const place = document.querySelector(`[data-position="${position}"]`);
          if (!place || place.firstElementChild) return;
          const image = document.createElement("img");
          image.loading = "lazy";
          image.src = place.dataset.image;
          image.alt = `${alternative} ${[...place.parentElement.children].indexOf(place) + 1}`;
          place.append(image);
          place.closest(".series").querySelector(".first")?.remove();
        }

        async function follow() {
          let seen = Number(progress.dataset.seen);
          for (let wait = 250; ; wait = Math.min(wait * 1.2, 2000)) {
            const answer = await fetch(`${progress.dataset.progress}?seen=${seen}`, { redirect: "error" });
            if (!answer.ok) return location.reload();
            const news = await answer.json();
            if (news.seen !== seen) wait = 250;
            seen = news.seen;
            for (const position of news.images) show(position, news.alternative);
            for (const name of ["received", "missing", "imported"]) {
              const place = document.getElementById(name);
              if (place.textContent !== news[name]) place.textContent = news[name];
            }
            progress.querySelector("progress").value = seen;
            const button = document.getElementById("import");
            if (button) {
              button.hidden = !news.import;
              button.disabled = !news.over && news.imported !== "";
              if (news.import) button.textContent = news.import;
            }
            if (news.over) return;
            await new Promise((resolve) => setTimeout(resolve, wait));
          }
        }

        if (progress) follow().catch(() => setTimeout(() => location.reload(), 5000));

        // Whether the other traits are open is this reader's choice.
        const traits = document.querySelector(".patient details");
        if (traits) {
          traits.open = localStorage.getItem("traits") === "open";
          traits.addEventListener("toggle", () => localStorage.setItem("traits", traits.open ? "open" : "closed"));
        }

        """
}
